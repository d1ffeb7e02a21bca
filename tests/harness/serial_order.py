"""A model of one repository, and whether some serial order of it explains what concurrent clients were told."""

import dataclasses

DONE, EXISTS, ABSENT = "done", "it exists", "no repository"
ALREADY, IMMUTABLE, NO_LAYERS, NO_IMAGE = "already so", "immutable tag", "no layers", "no image"


@dataclasses.dataclass(frozen=True)
class State:
    """Images and tags are names; every image has the same one layer."""

    exists: bool = False
    immutable: bool = False
    layer: bool = False
    images: frozenset = frozenset()
    tags: frozenset = frozenset()  # of (tag, image)

    def tagged(self, tag: str) -> str | None:
        return dict(self.tags).get(tag)

    def without_tag(self, tag: str) -> "State":
        return dataclasses.replace(self, tags=frozenset(one for one in self.tags if one[0] != tag))

    def without_image(self, image: str) -> "State":
        return dataclasses.replace(self, images=self.images - {image},
                                   tags=frozenset(one for one in self.tags if one[1] != image))

    def listed(self) -> frozenset:
        """(image, tag) of every tag, (image, None) of every image without one."""
        tagged = {image for _, image in self.tags}
        return frozenset({(image, tag) for tag, image in self.tags} | {(image, None) for image in self.images - tagged})


# Every operation: (state, arguments) -> (state, outcome).


def create(state: State) -> tuple[State, object]:
    return (state, EXISTS) if state.exists else (State(exists=True), DONE)


def delete(_: State) -> tuple[State, object]:
    return State(), DONE


def mount(state: State) -> tuple[State, object]:
    return dataclasses.replace(state, layer=True), DONE


def set_mutability(state: State, immutable: bool) -> tuple[State, object]:
    return dataclasses.replace(state, immutable=immutable), DONE


def put(state: State, tag: str, image: str) -> tuple[State, object]:
    if not state.layer:
        return state, NO_LAYERS
    if state.tagged(tag) == image:
        return state, ALREADY
    if state.immutable and state.tagged(tag) is not None:
        return state, IMMUTABLE
    moved = state.without_tag(tag)
    return dataclasses.replace(moved, images=moved.images | {image}, tags=moved.tags | {(tag, image)}), DONE


def get(state: State, tag: str) -> tuple[State, object]:
    return state, state.tagged(tag) or NO_IMAGE


def list_images(state: State) -> tuple[State, object]:
    return state, state.listed()


def list_tags(state: State) -> tuple[State, object]:
    return state, frozenset(tag for tag, _ in state.tags)


def untag(state: State, tag: str) -> tuple[State, object]:
    """The tag alone: DELETE of /v2/, by the specification's reading."""
    return (state.without_tag(tag), DONE) if state.tagged(tag) else (state, NO_IMAGE)


def delete_by_tag(state: State, tag: str) -> tuple[State, object]:
    """With the image when the tag was its last: BatchDeleteImage (ecr-semantics 4.6)."""
    image, left = state.tagged(tag), state.without_tag(tag)
    if image is None:
        return state, NO_IMAGE
    return (left if image in dict(left.tags).values() else left.without_image(image)), DONE


def delete_image(state: State, image: str) -> tuple[State, object]:
    return (state.without_image(image), DONE) if image in state.images else (state, NO_IMAGE)


def apply(state: State, operation, arguments: tuple) -> tuple[State, object]:
    if not state.exists and operation is not create:
        return state, ABSENT
    return operation(state, *arguments)


@dataclasses.dataclass
class Call:
    """What one client did, when, and what it was told."""

    operation: object
    arguments: tuple
    may_be: dict = dataclasses.field(default_factory=dict)  # outcomes that this door does not tell apart
    begun: float = 0
    ended: float = 0
    outcome: object = None

    def agrees(self, outcome: object) -> bool:
        return self.outcome == self.may_be.get(outcome, outcome)


def explained(clients: list[list[Call]], first: State, last: State) -> bool:
    """Whether an order of all calls, in which none comes before one that had ended when it began, gives every client
    what it was told and leaves `last`. Each client did one call after the other."""
    seen, open_branches = set(), [((0,) * len(clients), first)]
    while open_branches:
        branch = open_branches.pop()
        if branch in seen:
            continue
        seen.add(branch)
        places, state = branch
        nexts = [calls[at] if at < len(calls) else None for calls, at in zip(clients, places)]
        if not any(nexts):
            if state == last:
                return True
            continue
        first_end = min(call.ended for call in nexts if call)
        for i, call in enumerate(nexts):
            if call is None or call.begun > first_end:
                continue
            after, outcome = apply(state, call.operation, call.arguments)
            if call.agrees(outcome):
                open_branches.append(((*places[:i], places[i] + 1, *places[i + 1:]), after))
    return False
