"""The tokenizer's reconstructions against dense matrices, and what codes may not touch."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from hgl.distill.graph.teacher import SageEncoder
from hgl.distill.graph.tokenizer import PAIRS, LinkDecoder, Reconstruction, Tokenizer, WordDecoder
from hgl.distill.graph.view import GraphView
from hgl.errors import ConfigError
from hgl.nn.codebook import Codebook
from tests.distill.graph.made_graph import made_graph

GRAPH = made_graph()
VIEW = GraphView.of(GRAPH)
ROWS = torch.arange(60)
LABELS = torch.from_numpy(GRAPH.y)[ROWS]


def tokenizer(num_codes: int = 12, told: Reconstruction | None = None) -> Tokenizer:
    torch.manual_seed(0)
    book = Codebook(num_codes, 8)
    return Tokenizer(SageEncoder(30, 16), 30, 3, book, told or Reconstruction())


def test_words_cost_their_cosine():
    torch.manual_seed(0)
    decoder, q = WordDecoder(8, 30), torch.randn(240, 8)
    decoded = q @ decoder.weight.T
    words = torch.from_numpy(GRAPH.words.toarray())
    expected = 1 - cosine_similarity(words, decoded).mean()
    assert torch.allclose(decoder(q, VIEW), expected, atol=1e-5)


def test_links_cost_what_a_loop_over_the_pairs_says():
    decoder, q = LinkDecoder(8), torch.randn(240, 8)
    linked = GRAPH.edge_index.T.tolist()
    torch.manual_seed(3)
    drawn = torch.randint(len(linked), (PAIRS,)).tolist()
    pairs = [(*linked[i], 1.0) for i in drawn]
    pairs += [(s, t, 0.0) for s, t in torch.randint(240, (2, PAIRS)).T.tolist()]
    f = decoder.project(q).detach().double()
    score = torch.stack([f[s] @ f[t] / 8**0.5 for s, t, _ in pairs])
    truth = torch.tensor([linked for *_, linked in pairs], dtype=torch.float64)
    expected = binary_cross_entropy_with_logits(score, truth)
    torch.manual_seed(3)
    assert decoder(q, VIEW).item() == pytest.approx(expected.item(), rel=1e-4)


def test_no_code_is_in_the_way_of_a_prediction():
    model = tokenizer().eval()
    before = model(VIEW)
    model.codebook.codes.zero_()
    assert torch.equal(before, model(VIEW))


@pytest.mark.parametrize("told", [Reconstruction(), Reconstruction(0, 1), Reconstruction(1, 0)])
def test_one_backward_reaches_what_is_told(told: Reconstruction):
    model = tokenizer(told=told)
    model.loss(VIEW, ROWS, LABELS).backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None}
    every = {name for name, _ in model.named_parameters()}
    left = ("words.",) * (not told.words) + ("links.",) * (not told.links)
    assert moved == {name for name in every if not name.startswith(left or ("none",))}


def test_codes_learn_to_name_classes():
    model = tokenizer()
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        adam.zero_grad()
        model.loss(VIEW, ROWS, LABELS).backward()
        adam.step()
    model.eval()
    with torch.no_grad():
        quantised, codes, _ = model.codebook(model.places(VIEW))
        said = model.code_head(quantised).argmax(1)
    assert len(codes.unique()) > 3
    assert (said == torch.from_numpy(GRAPH.y))[60:].float().mean() > 0.8


def test_a_codebook_that_is_too_large_is_refused():
    with pytest.raises(ConfigError, match="num_codes=13: expected at most 12"):
        tokenizer(13).loss(VIEW, ROWS, LABELS)
