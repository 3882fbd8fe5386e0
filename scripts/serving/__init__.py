"""What serve.py, and all else that starts a server, is made of: the real tritonserver, its healing, ports and log."""
