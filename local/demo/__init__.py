"""The whole system on one machine: the deployed stack, a simulated CRM, a model, and a page to watch them."""
