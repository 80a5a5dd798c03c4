"""Errors of the telephone line.

TelephonyError
├── ScriptUncompilable    a phone script cannot become a dialplan: it was not checked
├── AsteriskAbsent        no Asterisk on this machine to start
├── AsteriskUnstarted     an Asterisk that does not start, or whose ports are taken
├── CallFailed            a call of the line to itself was refused, or did not go as it should
├── AmiUnavailable        Asterisk's manager interface does not answer in time
├── AmiRefused            Asterisk said no, or a value holds a forbidden character
├── SpeechUnavailable     no voice can say a sentence, or no recogniser can hear one
├── PromptRefused         a sound file is missing, damaged, silent or too long
└── PublicationRefused    a version could not be put live and proven: the previous one still serves

Messages are in French: the communication team or the person who installs reads them.
"""


class TelephonyError(Exception):
    """Something the telephone line could not do. The message says what to do about it."""


class ScriptUncompilable(TelephonyError):
    pass


class AsteriskAbsent(TelephonyError):
    pass


class AsteriskUnstarted(TelephonyError):
    pass


class CallFailed(TelephonyError):
    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """SIP code of the refusal (486: busy…), or None when nothing was answered."""


class AmiUnavailable(TelephonyError):
    pass


class AmiRefused(TelephonyError):
    pass


class SpeechUnavailable(TelephonyError):
    pass


class PromptRefused(TelephonyError):
    pass


class PublicationRefused(TelephonyError):
    pass
