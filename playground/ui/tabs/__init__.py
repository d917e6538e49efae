"""The four tabs, and the views of two of them."""
