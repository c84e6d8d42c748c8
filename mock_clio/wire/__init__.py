"""HTTP as the mock speaks it: requests, answers, bodies, errors."""
