"""Code that only training needs: the network's architecture, the loss and the model card."""
