"""What a step of training costs in PyTorch: python3 torch-step.py THREADS BATCH STEPS SIZE SIZE ... prints JSON; the first step does not count."""
import json
import resource
import statistics
import sys
import time

import torch

threads, batch, steps, *sizes = (int(one) for one in sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(1)
layers = []
for inputs, outputs in zip(sizes, sizes[1:]):
    if layers:
        layers.append(torch.nn.ReLU())
    layers += [torch.nn.Dropout(0.5), torch.nn.Linear(inputs, outputs)]
model = torch.nn.Sequential(*layers)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
x = torch.rand(batch, sizes[0]) * 2 - 1
y = torch.arange(batch) % sizes[-1]
walls, cpus = [], []
for step in range(steps + 1):
    wall, cpu = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    if step > 0:
        walls.append((time.perf_counter() - wall) * 1000 / batch)
        cpus.append((time.process_time() - cpu) * 1000 / batch)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"wallMs": statistics.median(walls), "cpuMs": statistics.median(cpus), "peakMb": peak}))
