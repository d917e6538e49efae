"""Analyses of noise prediction, likelihood and sampling."""
