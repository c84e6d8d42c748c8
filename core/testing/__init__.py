"""The test kit: real servers and whole services for the tests of this project and of any plugin."""
