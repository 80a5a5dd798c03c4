"""Errors of the assistant.

BotError
├── EngineUnavailable     the interpretation engine does not answer: the embedded one takes over
├── NothingToAnswerWith   no published fiche, or no switchboard: the assistant cannot open
├── ConversationUnknown   an exchange or conversation that does not exist, or is no longer open
├── BatchRefused          a line of a batch file cannot be read
├── ModelsMissing         the learned models named are not there whole: those already read stay
└── RasaRefused           Rasa could not be written for, trained or swapped; what was there stays

Messages are in French: the person at the keyboard reads them.
"""


class BotError(Exception):
    """Something the assistant could not do. The message says what to do about it."""


class EngineUnavailable(BotError):
    pass


class NothingToAnswerWith(BotError):
    pass


class ConversationUnknown(BotError):
    pass


class BatchRefused(BotError):
    pass


class ModelsMissing(BotError):
    pass


class RasaRefused(BotError):
    pass
