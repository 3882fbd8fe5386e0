"""What serve.py, and all else that starts a server, is made of: the real tritonserver, its healing, its ports and log."""
