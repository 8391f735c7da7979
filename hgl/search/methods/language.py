"""A language model, or anyone who reads, proposes the next action."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from hgl.errors import check_range
from hgl.search.actions import ActionPolicy, actions, step
from hgl.search.method import Method, Rounds, Worth
from hgl.search.methods.prompt import Prompt, label
from hgl.search.model import GraphModel
from hgl.search.space import SpecSpace


class Propose(Protocol):
    """Answers a prompt: text in, text out. The same prompt should get the same answer."""

    def __call__(self, prompt: str, /) -> str: ...


class Language(Method):
    """Asks for one action on the best model so far, tries where it leads, and asks again.

    The answer's last line must be one of the actions offered, to the letter. Another answer is told
    back once; after a second an action is drawn at random. Actions that lead to models tried before
    are not offered; where none is left, a model is drawn at random.

    A stopped search is resumed by asking again, so it goes on the same way only where `propose`
    answers the same.

    Args:
        propose: a function of the user's own; nothing is sent anywhere else.
        task: what is predicted, in words.
        memory: latest models that the prompt tells the scores of.
        policy: which actions there are.
    Raises: ConfigError: `memory` is below 0, or the policy unknown.
    """

    def __init__(
        self,
        space: SpecSpace,
        *,
        propose: Propose,
        task: str = "",
        memory: int = 15,
        policy: ActionPolicy = "repair",
        **settings: Any,
    ) -> None:
        super().__init__(space, **settings)
        check_range("memory", memory, 0)
        self.propose = propose
        self.policy = policy
        self.prompt = Prompt(space.schema, space.reach, task, memory)
        self.actions = actions(space.reach.encoding, policy)

    def rounds(self) -> Rounds:
        """See `Method`."""
        rng, usual = self.rng(), self.space.all_rows
        worth = yield from self.ask(
            [usual if self.space.is_valid(usual) else self.space.sample(rng)]
        )
        while len(worth) < self.space.count:
            best = max(worth, key=lambda model: worth[model])
            options = self.options(best, worth)
            worth |= yield from self.ask([self.choose(best, options, worth, rng)])

    def options(self, model: GraphModel, worth: Worth) -> dict[str, GraphModel]:
        """Return untried models one action away, by the action in words."""
        found: dict[GraphModel, str] = {}
        for action in self.actions:
            mask = step(action, model.reach, self.policy, model.mask)
            target = GraphModel(mask, model.reach)
            if mask >= 0 and target not in worth:
                found.setdefault(target, label(action, model.reach.encoding))
        return {words: target for target, words in found.items()}

    def choose(
        self,
        best: GraphModel,
        options: dict[str, GraphModel],
        worth: Worth,
        rng: np.random.Generator,
    ) -> GraphModel:
        """Return the model that was asked for, or one drawn at random."""
        if not options:
            untried = [model for model in self.space if model not in worth]
            return untried[int(rng.integers(len(untried)))]
        prompt = self.prompt.write(best, worth, list(options))
        for _ in range(2):
            answer = last_line(self.propose(prompt))
            if answer in options:
                return options[answer]
            prompt = self.prompt.again(prompt, answer)
        return list(options.values())[int(rng.integers(len(options)))]


def last_line(answer: str) -> str:
    """Return the last line that is not empty, so that an answer may think aloud first."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    return lines[-1] if lines else ""
