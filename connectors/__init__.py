"""What speaks to products and knows nothing of rules."""
