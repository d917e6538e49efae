"""Settings and links, what follows from them, sessions."""
