"""Fast inference: OpenVINO, CUDA graphs, dynamic batching."""
