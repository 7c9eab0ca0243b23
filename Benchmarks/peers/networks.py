"""The five networks in PyTorch, each with its embedding grid, as their users build them: timm, transformers,
torchvision; T2T-ViT, which no package has, is implemented here from the paper (Yuan et al., ICCV 2021)."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class WithGrid(nn.Module):
    """forward(images) -> (grid [batch, cells, channels], logits)."""

    def __init__(self, model, run, side, width):
        super().__init__()
        self.model, self.run, self.side, self.width = model, run, side, width

    def forward(self, x):
        return self.run(self.model, x)


def pooled(tokens, side):
    """The 14 x 14 grid as 7 x 7: mean of 3 x 3, stride 2, padding not counted."""
    x = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)
    x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return x.flatten(2).transpose(1, 2)


def vit(name):
    import timm

    def run(m, x):
        x = m.blocks(m.norm_pre(m._pos_embed(m.patch_embed(x))))
        return x[:, m.num_prefix_tokens:], m.forward_head(m.norm(x))

    m = timm.create_model(name, num_classes=1000)
    return WithGrid(m, run, m.patch_embed.grid_size[0], m.embed_dim)


def swin(name):
    import timm

    def run(m, x):
        x = m.layers(m.patch_embed(x))
        return x.flatten(1, 2), m.forward_head(m.norm(x))

    m = timm.create_model(name, num_classes=1000, drop_path_rate=0.0)
    return WithGrid(m, run, 7, m.num_features)


def cvt(name):
    from transformers import CvtConfig, CvtForImageClassification

    depth = {"cvt_13_224": [1, 2, 10], "cvt_21_224": [1, 4, 16]}[name]
    config = CvtConfig(depth=depth, num_labels=1000, drop_path_rate=[0.0, 0.0, 0.0])

    def run(m, x):
        out = m.cvt(x)
        grid = out.last_hidden_state.flatten(2).transpose(1, 2)
        return pooled(grid, 14), m.classifier(m.layernorm(out.cls_token_value).mean(1))

    return WithGrid(CvtForImageClassification(config), run, 7, 384)


def resnet(name):
    import torchvision

    def run(m, x):
        x = m.maxpool(m.relu(m.bn1(m.conv1(x))))
        x = m.layer4(m.layer3(m.layer2(m.layer1(x))))
        return x.flatten(2).transpose(1, 2), m.fc(m.avgpool(x).flatten(1))

    return WithGrid(getattr(torchvision.models, name)(num_classes=1000), run, 7, 2048)


class Performer(nn.Module):
    """One token layer of T2T-ViT with linear attention."""

    def __init__(self, inputs, width, ratio=0.5):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(inputs), nn.LayerNorm(width)
        self.kqv, self.proj = nn.Linear(inputs, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        features = int(width * ratio)
        w = torch.empty(features, width)
        nn.init.orthogonal_(w)
        self.register_buffer("w", w * math.sqrt(features))

    def features(self, x):
        half = (x * x).sum(-1, keepdim=True) / 2
        return torch.exp(x @ self.w.T - half) / math.sqrt(self.w.shape[0])

    def forward(self, x):
        k, q, v = self.kqv(self.norm1(x)).chunk(3, -1)
        k, q = self.features(k), self.features(q)
        sums = (q * k.sum(1, keepdim=True)).sum(-1, keepdim=True)
        y = (q @ (v.transpose(1, 2) @ k).transpose(1, 2)) / (sums + 1e-8)
        y = v + self.proj(y)
        return y + self.mlp(self.norm2(y))


class T2TViT(nn.Module):
    def __init__(self, width, depth, heads, ratio):
        super().__init__()
        from timm.models.vision_transformer import Block

        self.first, self.second = Performer(3 * 49, 64), Performer(64 * 9, 64)
        self.project = nn.Linear(64 * 9, width)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("position", torch.zeros(1, 197, width))
        self.blocks = nn.Sequential(*[Block(width, heads, mlp_ratio=ratio) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x):
        x = self.first(F.unfold(x, 7, stride=4, padding=2).transpose(1, 2))
        x = x.transpose(1, 2).reshape(x.shape[0], -1, 56, 56)
        x = self.second(F.unfold(x, 3, stride=2, padding=1).transpose(1, 2))
        x = x.transpose(1, 2).reshape(x.shape[0], -1, 28, 28)
        x = self.project(F.unfold(x, 3, stride=2, padding=1).transpose(1, 2))
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.norm(self.blocks(x))


def t2t(name):
    width, depth, heads = {"t2t_vit_14": (384, 14, 6), "t2t_vit_19": (448, 19, 7)}[name]

    def run(m, x):
        x = m(x)
        return pooled(x[:, 1:], 14), m.head(x[:, 0])

    return WithGrid(T2TViT(width, depth, heads, 3), run, 7, width)


def make(name):
    for start, family in (("swin", swin), ("cvt", cvt), ("t2t", t2t), ("resnet", resnet)):
        if name.startswith(start):
            return family(name)
    return vit(name)
