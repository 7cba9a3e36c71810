"""Tables of labelled objects: families of measurements, defined in docs/measurements.md."""
