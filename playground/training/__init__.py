"""What only training needs: the network's architecture and its card."""
