"""Which frames of a video are looked at: named policies, pure and deterministic.

packets ─▶ frame_table ─▶ policy ─▶ Round ─▶ decode_plan ─▶ runs of packets to decode
                            ▲                                        │
                            └─────── Looks: frames and scores ◀──────┘
"""
