"""Keeps the state of each order in SQLite from the events on a Kafka topic.

Usage: order_states.py --brokers HOST:PORT[,...] --topic NAME --database FILE [--until-idle SECONDS]
Prints one line of JSON at the end: what was applied, repeated, healed and damaged.
"""

import argparse
import json
import sqlite3
import sys
import time
import zlib

from kafka import KafkaConsumer, TopicPartition

SLOTS = 256


class States:
    """The read model and how far each slot is applied, in one file and one transaction."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.executescript(
            """
            create table if not exists applied (slot integer primary key, position integer not null);
            create table if not exists offsets (partition integer primary key, next integer not null);
            create table if not exists orders (
              order_id text primary key, customer_id text not null, status text not null,
              version integer not null, total_minor integer not null, events integer not null);
            """
        )
        self.db.executemany(
            "insert or ignore into applied values (?, 0)", [(slot,) for slot in range(SLOTS)]
        )
        self.applied = dict(self.db.execute("select slot, position from applied"))
        self.offsets = dict(self.db.execute("select partition, next from offsets"))

    def begin(self):
        self.db.execute("begin immediate")

    def commit(self, partition, next_offset, slots):
        rows = [(self.applied[slot], slot) for slot in slots]
        self.db.executemany("update applied set position = ? where slot = ?", rows)
        self.db.execute("insert or replace into offsets values (?, ?)", (partition, next_offset))
        self.db.execute("commit")
        self.offsets[partition] = next_offset

    def rollback(self):
        self.db.execute("rollback")
        self.applied = dict(self.db.execute("select slot, position from applied"))

    def fold(self, event):
        data = event["data"]
        total = data["totals"]["totalMinor"]
        if event["type"] == "OrderPlaced":
            self.db.execute(
                "insert into orders values (?, ?, ?, ?, ?, 1)",
                (data["orderId"], data["customerId"], data["status"], event["streamversion"], total),
            )
        else:
            self.db.execute(
                "update orders set status = ?, version = ?, total_minor = ?, events = events + 1"
                " where order_id = ?",
                (data["status"], event["streamversion"], total, data["orderId"]),
            )


class Reader:
    """Reads all partitions of the topic and applies each event once, in order."""

    def __init__(self, brokers, topic, states):
        self.topic = topic
        self.states = states
        self.counts = {"applied": 0, "repeated": 0, "gaps": 0, "damaged": 0}
        self.missing = {}
        self.read_again = set()
        self.consumer = KafkaConsumer(
            bootstrap_servers=brokers.split(","),
            group_id=None,
            enable_auto_commit=False,
            # A place that is gone is an error to be looked at, never a reason to jump to the end.
            auto_offset_reset="none",
        )
        self.assigned = []

    def assign(self):
        """Takes all partitions, each where it was left, or at the first message that the topic still has."""
        partitions = [
            TopicPartition(self.topic, number)
            for number in sorted(self.consumer.partitions_for_topic(self.topic) or [])
        ]
        if partitions == self.assigned:
            return
        self.consumer.assign(partitions)
        first = self.consumer.beginning_offsets(partitions)
        end = self.consumer.end_offsets(partitions)
        for partition in partitions:
            left_at = self.states.offsets.get(partition.partition, 0)
            # Beyond the end: the topic was made anew. Before the beginning: it was trimmed. Positions tell what is new.
            known = first[partition] <= left_at <= end[partition]
            self.consumer.seek(partition, left_at if known else first[partition])
        self.assigned = partitions

    def run(self, until_idle):
        quiet_since = time.monotonic()
        while until_idle is None or self.missing or time.monotonic() - quiet_since < until_idle:
            self.assign()
            polled = self.consumer.poll(timeout_ms=500, max_records=2000)
            if polled:
                quiet_since = time.monotonic()
            elif self.missing:
                self.heal()
            for partition, records in polled.items():
                self.take(partition, records)

    def take(self, partition, records):
        """Applies records of one partition in one transaction."""
        slots = set()
        self.states.begin()
        try:
            for record in records:
                slots |= self.apply(partition, record)
            self.states.commit(partition.partition, records[-1].offset + 1, slots)
        except BaseException:
            self.states.rollback()
            raise

    def heal(self):
        """At the end of the topic something is missing: it is looked for from the beginning, once."""
        for partition, text in list(self.missing.items()):
            if partition in self.read_again:
                raise SystemExit(f"{text}, and the topic does not hold it any more")
            self.read_again.add(partition)
            self.consumer.seek(partition, self.consumer.beginning_offsets([partition])[partition])

    def apply(self, partition, record):
        """Applies one record if it is new and next; gives the slots that are known further for it."""
        headers = {name: value.decode() for name, value in record.headers if value is not None}
        body = record.value or b""
        try:
            place, checksum = headers["place"].rsplit(" ", 1)
            position, before, slot, slots, _history = place.split(" ")
            position, before, slot = int(position), int(before), int(slot)
            low, high = map(int, slots.split("-"))
            sum_of_place = zlib.crc32(f"{place}\n".encode())
            intact = f"{zlib.crc32(body, sum_of_place):08x}" == checksum
        except (KeyError, ValueError):
            intact = False
        if not intact:
            # What it should have been is missed by the next message.
            self.counts["damaged"] += 1
            return set()
        applied = self.states.applied
        if position <= applied[slot]:
            self.counts["repeated"] += 1
            return set()
        slots = set(range(low, high + 1))
        known = min(applied[one] for one in slots)
        if before > known:
            # Not applied. What is missing may follow, if the topic is being filled again.
            if partition not in self.missing:
                self.counts["gaps"] += 1
                self.missing[partition] = (
                    f"partition {partition.partition}: expected everything up to position {before},"
                    f" got it up to {known}"
                )
            return set()
        event = json.loads(body)
        if "data" not in event:
            raise SystemExit(f"position {position}: the data was too large for the topic")
        self.states.fold(event)
        for one in slots:
            applied[one] = max(applied[one], position)
        self.counts["applied"] += 1
        self.missing.pop(partition, None)
        self.read_again.discard(partition)
        return slots


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--until-idle", type=float, help="end after so many seconds without a message")
    options = parser.parse_args()
    reader = Reader(options.brokers, options.topic, States(options.database))
    try:
        reader.run(options.until_idle)
    except SystemExit as lost:
        print(lost, file=sys.stderr)
        print(json.dumps(reader.counts))
        return 3
    except KeyboardInterrupt:
        pass
    print(json.dumps(reader.counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
