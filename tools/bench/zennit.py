"""
The peer of `npm run bench -- lrp`: a VGG-16 of three classes in PyTorch (Debian's python3-torch with libopenblas0-pthread), under LRP by zennit
where that is installed, else by hooks that compute what zennit's do: each rule as a sum of terms, each with a forward pass of the layer on a part
of the input with a part of the weights, and a backward pass by autograd (zennit.core.BasicHook).

Reads a task per line, `forward`, `a` or `b`, and answers with the milliseconds that it took. Its first line says what computes.
"""
import sys
import time

try:
    import torch
except ImportError:
    sys.exit('no PyTorch')
from torch import nn

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)

sizes = [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M']


def vgg():
    layers, channels = [], 3
    for size in sizes:
        if size == 'M':
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(channels, size, 3, padding=1), nn.ReLU()]
        channels = size
    dense = [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 3)]
    return nn.Sequential(*layers, *dense).eval().requires_grad_(False)


model = vgg()
picture = torch.randn(1, 3, 224, 224)
positive = lambda t: t.clamp(min=0)
negative = lambda t: t.clamp(max=0)
every = lambda t: t


def stabilized(t, epsilon=1e-6):
    return t + ((t == 0.0).to(t) + t.sign()) * epsilon


def passed(layer, x, weights, bias):
    b = None if layer.bias is None else bias(layer.bias)
    if isinstance(layer, nn.Conv2d):
        return nn.functional.conv2d(x, weights(layer.weight), b, padding=layer.padding)
    return nn.functional.linear(x, weights(layer.weight), b)


def share(layer, x, relevance, terms, epsilon=1e-6):
    """Terms: [part of the input, part of the weights, part of the bias]."""
    with torch.enable_grad():
        inputs = [part(x).detach().requires_grad_() for part, _, _ in terms]
        outputs = [passed(layer, own, weights, bias) for own, (_, weights, bias) in zip(inputs, terms)]
        ratio = (relevance / stabilized(sum(outputs), epsilon)).detach()
        grads = torch.autograd.grad(outputs, inputs, [ratio] * len(outputs))
    return sum(own.detach() * grad for own, grad in zip(inputs, grads))


none = torch.zeros_like
plus = [(positive, positive, positive), (negative, negative, none)]
minus = [(positive, negative, negative), (negative, positive, none)]
rules = {
    'a': lambda layer, x, r: share(layer, x, r, plus),
    'b': lambda layer, x, r: 2 * share(layer, x, r, plus) - share(layer, x, r, minus),
}


def flat(layer, x, relevance):
    return share(layer, torch.ones_like(x), relevance, [(every, torch.ones_like, none)])


def by_hooks(preset):
    values, x = [], picture
    for layer in model:
        values.append(x)
        x = layer(x)
    relevance = x * nn.functional.one_hot(x.argmax(1), x.shape[1])
    first = True
    for i in reversed(range(len(model))):
        layer, x = model[i], values[i]
        if isinstance(layer, nn.Linear):
            relevance = share(layer, x, relevance, [(every, every, every)], 0.1)
        elif isinstance(layer, nn.Conv2d):
            relevance = flat(layer, x, relevance) if i == 0 else rules[preset](layer, x, relevance)
        elif isinstance(layer, nn.MaxPool2d):
            with torch.enable_grad():
                own = x.detach().requires_grad_()
                (relevance,) = torch.autograd.grad(layer(own), own, relevance)
        elif isinstance(layer, nn.Flatten):
            relevance = relevance.view_as(x)
    return relevance


def by_zennit():
    from zennit import __version__
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonAlpha2Beta1Flat, EpsilonPlusFlat

    composites = {'a': EpsilonPlusFlat(epsilon=0.1), 'b': EpsilonAlpha2Beta1Flat(epsilon=0.1)}

    def run(preset):
        with Gradient(model=model, composite=composites[preset]) as attributor:
            return attributor(picture, lambda out: out * nn.functional.one_hot(out.argmax(1), out.shape[1]))

    return f'zennit {__version__}', run


try:
    name, explain = by_zennit()
except ImportError:
    name, explain = "zennit's rules without zennit", by_hooks
print(f'{name}, PyTorch {torch.__version__}', flush=True)
for line in sys.stdin:
    task, begun = line.strip(), time.perf_counter()
    if task == 'forward':
        with torch.no_grad():
            model(picture)
    else:
        explain(task)
    print(1000 * (time.perf_counter() - begun), flush=True)
