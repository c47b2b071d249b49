# Writes small networks with torch.onnx, and for each a picture and the relevance of its largest output under LRP-Z.
# For ReLU networks LRP-Z is gradient times input (Shrikumar et al. 2016; Ancona et al. 2018), which autograd gives in float64: with the
# gates held constant, as the rule says, and at the preprocessed picture where preprocessing is part of the network.
# Debian 12: apt-get install python3-torch python3-onnx; python3 make.py
import copy, os, warnings
import numpy as np, torch, torch.nn as nn
warnings.filterwarnings('ignore')
torch.manual_seed(0)
out = os.path.dirname(os.path.abspath(__file__))
import torch.nn.functional as F
D=False
def gate(g): return g.detach() if D else g
class SiLU(nn.Module):
    def forward(s,x): return x*torch.sigmoid(x).detach() if D else F.silu(x)
class HSw(nn.Module):
    def forward(s,x): return x*(F.relu6(x+3)/6).detach() if D else F.hardswish(x)
class VGG(nn.Module):
    def __init__(s, flat):
        super().__init__(); s.flat=flat
        s.f=nn.Sequential(nn.Conv2d(3,8,3,padding=1),nn.ReLU(),nn.MaxPool2d(2),nn.Conv2d(8,12,3,padding=1),nn.ReLU(),nn.MaxPool2d(2,ceil_mode=True))
        s.c=nn.Sequential(nn.Linear(12*4*4,16),nn.ReLU(),nn.Dropout(),nn.Linear(16,3))
    def forward(s,x): return s.c(s.flat(s.f(x)))
class Basic(nn.Module):
    def __init__(s,i,o,st=1,se=False):
        super().__init__(); s.c1=nn.Conv2d(i,o,3,st,1,bias=False); s.b1=nn.BatchNorm2d(o); s.c2=nn.Conv2d(o,o,3,1,1,bias=False); s.b2=nn.BatchNorm2d(o)
        s.d=nn.Sequential(nn.Conv2d(i,o,1,st,bias=False),nn.BatchNorm2d(o)) if st>1 or i!=o else None
        s.se=nn.Sequential(nn.Conv2d(o,o//4,1),nn.ReLU(),nn.Conv2d(o//4,o,1),nn.Sigmoid()) if se else None
    def forward(s,x):
        y=torch.relu(s.b1(s.c1(x))); y=s.b2(s.c2(y))
        if s.se is not None: y=y*gate(s.se(nn.functional.adaptive_avg_pool2d(y,1)))
        return torch.relu(y+(x if s.d is None else s.d(x)))
class ResNet(nn.Module):
    def __init__(s,se=False):
        super().__init__(); s.stem=nn.Sequential(nn.Conv2d(3,8,7,2,3,bias=False),nn.BatchNorm2d(8),nn.ReLU(),nn.MaxPool2d(3,2,1))
        s.l=nn.Sequential(Basic(8,8,1,se),Basic(8,16,2,se)); s.p=nn.AdaptiveAvgPool2d(1); s.fc=nn.Linear(16,3)
    def forward(s,x):
        x=s.p(s.l(s.stem(x))); return s.fc(torch.flatten(x,1))
class SElin(nn.Module): # SENet with Linear gates and view
    def __init__(s,c): super().__init__(); s.fc=nn.Sequential(nn.Linear(c,c//4),nn.ReLU(),nn.Linear(c//4,c),nn.Sigmoid())
    def forward(s,x):
        b,c,_,_=x.size(); y=x.mean([2,3]) ; return x*gate(s.fc(y).view(b,c,1,1))
class SENet(nn.Module):
    def __init__(s):
        super().__init__(); s.a=nn.Conv2d(3,8,3,padding=1); s.se=SElin(8); s.b=nn.Conv2d(8,8,3,stride=2,padding=1); s.fc=nn.Linear(8,3)
    def forward(s,x):
        x=s.se(torch.relu(s.a(x))); x=torch.relu(s.b(x)); x=nn.functional.avg_pool2d(x,8); return s.fc(x.view(x.size(0),-1))
class SElinPool(SElin):
    def forward(s,x):
        b,c,_,_=x.size(); y=nn.functional.adaptive_avg_pool2d(x,1).view(b,c); return x*gate(s.fc(y).view(b,c,1,1).expand_as(x))
class SENet2(SENet):
    def __init__(s): super().__init__(); s.se=SElinPool(8)
class Mobile(nn.Module):
    def __init__(s,act):
        super().__init__()
        def dw(i,o,st): return nn.Sequential(nn.Conv2d(i,i*2,1,bias=False),nn.BatchNorm2d(i*2),act(),nn.Conv2d(i*2,i*2,3,st,1,groups=i*2,bias=False),nn.BatchNorm2d(i*2),act(),nn.Conv2d(i*2,o,1,bias=False),nn.BatchNorm2d(o))
        s.s=nn.Sequential(nn.Conv2d(3,8,3,2,1,bias=False),nn.BatchNorm2d(8),act()); s.a=dw(8,8,1); s.b=dw(8,12,2); s.fc=nn.Sequential(nn.Dropout(.2),nn.Linear(12,3))
    def forward(s,x):
        x=s.s(x); x=x+s.a(x); x=s.b(x); return s.fc(x.mean([2,3]))
class MobileSE(Mobile):
    def __init__(s,act):
        super().__init__(act); s.se=nn.Sequential(nn.AdaptiveAvgPool2d(1),nn.Conv2d(8,4,1),nn.ReLU(),nn.Conv2d(4,8,1),nn.Hardsigmoid())
    def forward(s,x):
        x=s.s(x); x=x*gate(s.se(x)); x=x+s.a(x); x=s.b(x); return s.fc(x.mean(3).mean(2))
class Norm(nn.Module):
    def __init__(s,inner,kind): super().__init__(); s.i=inner; s.k=kind; s.register_buffer('m',torch.tensor([.485,.456,.406]).view(1,3,1,1)); s.register_buffer('d',torch.tensor([.229,.224,.225]).view(1,3,1,1))
    def forward(s,x):
        if s.k=='flip': x=x[:,[2,1,0]]
        if s.k=='flip2': x=torch.flip(x,[1])
        if s.k=='nhwc': x=x.permute(0,3,1,2).contiguous()
        if s.k=='uint8': x=x.float()
        xn=(x/255.-s.m)/s.d if s.k!='scalar' else (x-127.5)/128
        if D: xn=xn.detach().requires_grad_(); s.xn=xn
        return s.i(xn)
class Head(nn.Module):
    def __init__(s,i,f): super().__init__(); s.i=i; s.f=f
    def forward(s,x): return s.f(s.i(x))
class Incep(nn.Module):
    def __init__(s):
        super().__init__(); s.a=nn.Conv2d(3,4,1); s.b=nn.Conv2d(3,6,3,padding=1); s.p=nn.AdaptiveMaxPool2d(1); s.fc=nn.Linear(10,3)
    def forward(s,x): x=torch.cat([torch.relu(s.a(x)),nn.functional.leaky_relu(s.b(x),.1)],1); return s.fc(s.p(x).squeeze(3).squeeze(2))
class Light(nn.Module): # max feature map of LightCNN
    def __init__(s): super().__init__(); s.a=nn.Conv2d(3,8,3,padding=1); s.fc=nn.Linear(4,3)
    def forward(s,x): a,b=torch.split(s.a(x),4,1); x=torch.max(a,b); return s.fc(x.mean([2,3]))
class Chunk(nn.Module):
    def __init__(s): super().__init__(); s.a=nn.Conv2d(3,8,3,padding=1); s.p=nn.PReLU(4); s.fc=nn.Linear(4,3)
    def forward(s,x): a,b=s.a(x).chunk(2,1); return s.fc((s.p(a)*gate(torch.sigmoid(b))).mean([2,3]))
v=lambda: VGG(lambda x:x.view(x.size(0),-1))
nets={
 'view_size':v(),'view_m1':VGG(lambda x:x.view(-1,12*4*4)),'flatten':VGG(lambda x:torch.flatten(x,1)),'reshape0':VGG(lambda x:x.reshape(x.shape[0],x.shape[1]*x.shape[2]*x.shape[3])),
 'view_num':VGG(lambda x:x.view(-1,int(np.prod(x.size()[1:])))),'numflat':VGG(lambda x:x.view(x.shape[0],x.numel()//x.shape[0])),
 'resnet':ResNet(),'seresnet':ResNet(True),'senet_view':SENet(),'senet_expand':SENet2(),'mobilenet_relu6':Mobile(nn.ReLU6),'effnet_silu':Mobile(SiLU),'mobilenet_hswish':MobileSE(HSw),
 'mobilese_relu6':MobileSE(nn.ReLU6),'norm':Norm(v(),''),'norm_flip':Norm(v(),'flip'),'norm_flip2':Norm(v(),'flip2'),'norm_scalar':Norm(v(),'scalar'),'norm_nhwc':Norm(v(),'nhwc'),'norm_uint8':Norm(v(),'uint8'),
 'softmax':Head(v(),lambda y:torch.softmax(y,1)),'logsoftmax':Head(v(),lambda y:torch.log_softmax(y,1)),'sigmoid':Head(v(),torch.sigmoid),'temp':Head(v(),lambda y:torch.softmax(y/1.7,-1)),'bnhead':Head(v(),nn.BatchNorm1d(3)),
 'inception':Incep(),'lightcnn':Light(),'glu':Chunk()}

chosen = {'view_size': [9, 16], 'reshape0': [13], 'view_num': [13], 'bnhead': [13], 'resnet': [13], 'seresnet': [13], 'senet_view': [11], 'senet_expand': [13],
          'mobilenet_relu6': [13], 'mobilenet_hswish': [13], 'effnet_silu': [13], 'norm': [13], 'norm_flip': [13], 'norm_flip2': [13], 'norm_scalar': [13],
          'norm_nhwc': [13], 'norm_uint8': [13], 'softmax': [13], 'logsoftmax': [13], 'sigmoid': [13], 'temp': [13], 'inception': [13], 'lightcnn': [13], 'glu': [13]}
for name, opsets in chosen.items():
    net = nets[name]
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)):
            m.running_mean.normal_(0, .2); m.running_var.uniform_(.5, 1.5); m.weight.data.uniform_(.5, 1.5); m.bias.data.normal_(0, .2)
    net.eval()
    shape = (1, 16, 16, 3) if name == 'norm_nhwc' else (1, 3, 16, 16)
    x = torch.randint(0, 255, shape, dtype=torch.uint8) if name == 'norm_uint8' else torch.randn(shape)
    for opset in opsets:
        file = os.path.join(out, f'{name}.{opset}')
        D = False
        torch.onnx.export(net, x, file + '.onnx', opset_version=opset, input_names=['input'], output_names=['out'],
                          dynamic_axes={'input': {0: 'N'}, 'out': {0: 'N'}})
        D = True
        n = copy.deepcopy(net).double()
        xd = x.double().requires_grad_()
        # In front of the last activation.
        y = n.i(xd) if isinstance(n, Head) and name not in ('bnhead', 'temp') else n.i(xd) / 1.7 if name == 'temp' else n(xd)
        y.max(1).values.sum().backward()
        r = n.xn.grad * n.xn.detach() if isinstance(n, Norm) else xd.grad * xd.detach()
        if 'flip' in name: r = torch.flip(r, [1])
        if name == 'norm_nhwc': r = r.permute(0, 2, 3, 1)
        x.float().numpy().astype('<f4').tofile(file + '.input.f32')
        r.numpy().astype('<f4').tofile(file + '.relevance.f32')
        D = False
