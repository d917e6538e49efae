"""State: settings and links, the scene that follows from them, training sessions."""
