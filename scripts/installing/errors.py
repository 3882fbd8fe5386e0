class InstallError(ValueError):
    """What was asked for cannot be; the message says why and what helps."""
