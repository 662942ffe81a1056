"""Documents to searchable passages. Knows nothing of questions."""

import os

# torch, FAISS and NumPy each keep threads of their own. Threads that spin while they wait take the cores from the
# others: with few cores, that alone makes a question several times as slow. Read when those libraries are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
