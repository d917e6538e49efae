"""What is computed: torch in, records out. Knows no gradio, no plotly and no HTML."""
