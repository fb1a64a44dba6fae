"""The system's fixed words in plain English, for the screen."""

from __future__ import annotations

RINGS = {
    "message": "a message came",
    "due": "the timer was due",
    "redrive": "rung again after it had died",
    "not_quiet_yet": "waited for quiet",
    "out_of_time": "the turn goes on",
    "reply_not_seen_yet": "looks for the sent reply",
}
DOING = {
    "nothing": "nothing to do",
    "look_again": "looks again later",
    "ring_again": "rings again",
    "answer": "answered",
    "hand_over": "passed to a person",
    "failed": "failed, rings again",
}
WHY = {
    "a_newer_message_rings": "a newer message will ring, so this one does nothing",
    "nothing_unanswered": "nothing is unanswered",
    "not_quiet_yet": "the customer is still writing: waits for quiet",
    "replied": "everything unanswered is answered in one turn",
    "drafted": "a draft is written as a note",
    "a_person_leads": "a person leads: the bot is silent",
    "taken_over": "a person wrote: the bot says nothing",
    "superseded": "the customer wrote meanwhile: the answer is dropped",
    "too_old": "too old to be answered by the bot",
    "handed_over": "passed to a person, who got a task",
    "outside_its_stages": "the deal is outside the bot's stages",
    "reply_not_seen_yet": "the sent reply has not been seen in the chat yet",
    "connection_cools_down": "the CRM said too many requests: waits",
    "another_worker_has_it": "another worker has this conversation",
}
STATUS = {
    "replied": "Replied",
    "drafted": "Drafted",
    "handed_over": "Passed to a person",
    "dropped_superseded": "Dropped: the customer wrote meanwhile",
    "dropped_taken_over": "Dropped: a person wrote",
    "dropped_stale": "Dropped: stale",
    "outside": "Outside the bot's stages",
}
