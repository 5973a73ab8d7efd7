"""Which replica a call of a model goes to: the one with the fewest calls of this process.

Serve's own choice goes by queue lengths that replicas tell. Where calls go over gRPC, Serve 2.60
takes note of a length only when the call that it was told for has ended (the answer to "was it
accepted" comes with the answer itself), and by then it is what the queue was, not what it is. An
idle replica can so stand for a busy one for seconds: three replicas of a model of fixed latency did
the work of 2.3. (https://github.com/ray-project/ray/issues/63261 is about a relative of this.)
"""

from __future__ import annotations

import random
from collections import Counter

from ray.serve.request_router import (
    FIFOMixin,
    MultiplexMixin,
    PendingRequest,
    ReplicaID,
    RequestRouter,
    RunningReplica,
)


class FewestCallsRouter(FIFOMixin, MultiplexMixin, RequestRouter):
    """Counts the calls that it has under way at each replica; Serve makes one in each process."""

    def initialize_state(self, **_options: object) -> None:
        """Called by Serve once."""
        self._under_way: Counter[ReplicaID] = Counter()

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """The replicas in the order in which they are to be asked; those with the model first."""
        candidates = candidate_replicas
        if pending_request is not None and pending_request.metadata.multiplexed_model_id:
            candidates = [
                self._replicas[identity]
                for identity in self.apply_multiplex_routing(pending_request=pending_request)
            ]
        shuffled = random.sample(candidates, len(candidates))
        shuffled.sort(key=lambda replica: self._under_way[replica.replica_id])
        return [[replica] for replica in shuffled]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        """A call leaves."""
        self._under_way[replica_id] += 1
        self._note(replica_id)

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """A call has ended, however it did."""
        self._under_way[replica_id] -= 1
        if self._under_way[replica_id] <= 0:
            del self._under_way[replica_id]
        self._note(replica_id)

    def on_new_queue_len_info(self, replica_id: ReplicaID, num_ongoing_requests: int) -> None:
        """A replica told its length: of old, unless it is full and refuses."""
        replica = self._replicas.get(replica_id)
        if replica is not None and num_ongoing_requests >= replica.max_ongoing_requests:
            super().on_new_queue_len_info(replica_id, num_ongoing_requests)
        else:
            self._note(replica_id)

    def decrement_queue_len_cache(self, replica_id: ReplicaID) -> None:
        """See `on_request_completed`, which knows better."""
        self._note(replica_id)

    def _note(self, replica_id: ReplicaID) -> None:
        super().on_new_queue_len_info(replica_id, self._under_way[replica_id])
