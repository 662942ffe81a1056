"""Whether answers are right: cases, metrics, runs, reports, calibration, benchmarks."""
