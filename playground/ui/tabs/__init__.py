"""Tabs: the four tabs of the page, and the views of two of them."""
