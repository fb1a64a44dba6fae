"""What brings back a conversation whose doorbell was lost or died."""
