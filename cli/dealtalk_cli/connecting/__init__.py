"""What connecting an account has in common, whichever CRM it is."""
