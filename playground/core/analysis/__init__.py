"""Measurements of what a network predicts and of how sampling goes."""
