class ExportError(ValueError):
    """What was asked for cannot be, or the engine is not good enough; the message says why and what helps."""
