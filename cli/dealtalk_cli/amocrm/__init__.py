"""What connecting and checking an account of amoCRM or Kommo needs."""
