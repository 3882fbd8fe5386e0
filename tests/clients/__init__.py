"""The client library without Triton: tasks, the driver and the transports, against servers made for the tests."""
