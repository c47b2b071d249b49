"""What NumPy and scikit-learn say of maps: JSON in on standard input, JSON out."""
import itertools
import json
import sys

import numpy
from sklearn.neighbors import kneighbors_graph

given = json.load(sys.stdin)

rows = numpy.array(given["samples"])
rows = rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
near = kneighbors_graph(rows, given["neighbours"], metric="cosine").toarray()
graph = numpy.maximum(near, near.T)
scale = numpy.diag(graph.sum(axis=1) ** -0.5)
laplacian = numpy.eye(len(rows)) - scale @ graph @ scale

maps, width = numpy.array(given["maps"]), given["width"]


def clusters(values):
    t = values.mean(axis=0) / (values.std(axis=0, ddof=1) / numpy.sqrt(len(values)))
    field, found = t.reshape(-1, width), []
    for sign in (1, -1):
        left = {tuple(cell) for cell in numpy.argwhere(sign * field >= given["threshold"])}
        while left:
            queue, mass = [left.pop()], 0.0
            while queue:
                row, column = queue.pop()
                mass += abs(field[row, column])
                for cell in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                    if cell in left:
                        left.remove(cell)
                        queue.append(cell)
            found.append(mass)
    return sorted(found, reverse=True)


flipped = [max(clusters(maps * numpy.array(signs)[:, None]), default=0) for signs in itertools.product((1, -1), repeat=len(maps))]
masses = clusters(maps)
json.dump(
    {
        "eigenvalues": numpy.linalg.eigvalsh(laplacian)[:6].tolist(),
        "masses": masses,
        "p": [float(numpy.mean(numpy.array(flipped) >= mass * (1 - 1e-9))) for mass in masses],
    },
    sys.stdout,
)
