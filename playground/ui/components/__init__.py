"""Components: parts of the page that several tabs use."""
