from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_UNSPECIFIED: _ClassVar[ErrorCode]
    ERROR_INVALID: _ClassVar[ErrorCode]
    ERROR_UNSUPPORTED: _ClassVar[ErrorCode]
    ERROR_NOT_FOUND: _ClassVar[ErrorCode]
    ERROR_ID_CONFLICT: _ClassVar[ErrorCode]
    ERROR_TOO_LARGE: _ClassVar[ErrorCode]
    ERROR_DEADLINE: _ClassVar[ErrorCode]
    ERROR_UNAVAILABLE: _ClassVar[ErrorCode]
    ERROR_INTERNAL: _ClassVar[ErrorCode]
    ERROR_DENIED: _ClassVar[ErrorCode]
    ERROR_NOT_PRIMARY: _ClassVar[ErrorCode]
    ERROR_OVERLOADED: _ClassVar[ErrorCode]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_APPROVE: _ClassVar[Verdict]
    VERDICT_REVIEW: _ClassVar[Verdict]
    VERDICT_CHALLENGE: _ClassVar[Verdict]
    VERDICT_DECLINE: _ClassVar[Verdict]

class Arm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARM_UNSPECIFIED: _ClassVar[Arm]
    ARM_CHAMPION: _ClassVar[Arm]
    ARM_CHALLENGER: _ClassVar[Arm]

class Label(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_NONE: _ClassVar[Label]
    LABEL_LEGIT: _ClassVar[Label]
    LABEL_FRAUD: _ClassVar[Label]
    LABEL_CHARGEBACK: _ClassVar[Label]
    LABEL_SUSPECTED: _ClassVar[Label]

class AmendmentKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AMENDMENT_UNSPECIFIED: _ClassVar[AmendmentKind]
    AMENDMENT_VOID: _ClassVar[AmendmentKind]
    AMENDMENT_CAPTURE: _ClassVar[AmendmentKind]
    AMENDMENT_REFUND: _ClassVar[AmendmentKind]
    AMENDMENT_RESTORE: _ClassVar[AmendmentKind]

class ReloadResult(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELOAD_UNSPECIFIED: _ClassVar[ReloadResult]
    RELOAD_ADOPTED: _ClassVar[ReloadResult]
    RELOAD_UNCHANGED: _ClassVar[ReloadResult]
    RELOAD_REFUSED: _ClassVar[ReloadResult]

class ExplainedKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLAINED_KIND_OTHER: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_NAME: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_HAS: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_LIST: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_THRESHOLD: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_COMPARISON: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_AND: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_OR: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_NOT: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_CONDITIONAL: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_MACRO: _ClassVar[ExplainedKind]
    EXPLAINED_KIND_EACH: _ClassVar[ExplainedKind]

class ThresholdOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THRESHOLD_ORIGIN_NONE: _ClassVar[ThresholdOrigin]
    THRESHOLD_ORIGIN_FALLBACK: _ClassVar[ThresholdOrigin]
    THRESHOLD_ORIGIN_OVERALL: _ClassVar[ThresholdOrigin]
    THRESHOLD_ORIGIN_GROUP: _ClassVar[ThresholdOrigin]

class RuleMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULE_MODE_LIVE: _ClassVar[RuleMode]
    RULE_MODE_SHADOW: _ClassVar[RuleMode]
    RULE_MODE_OFF: _ClassVar[RuleMode]

class RuleFate(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RULE_FATE_FALSE: _ClassVar[RuleFate]
    RULE_FATE_ABSENT: _ClassVar[RuleFate]
    RULE_FATE_ERROR: _ClassVar[RuleFate]
    RULE_FATE_FIRED: _ClassVar[RuleFate]
    RULE_FATE_SHADOW: _ClassVar[RuleFate]
    RULE_FATE_SUPPRESSED: _ClassVar[RuleFate]
    RULE_FATE_OFF: _ClassVar[RuleFate]
    RULE_FATE_EARLY: _ClassVar[RuleFate]
    RULE_FATE_OVER: _ClassVar[RuleFate]
    RULE_FATE_LEFT_OUT: _ClassVar[RuleFate]
ERROR_UNSPECIFIED: ErrorCode
ERROR_INVALID: ErrorCode
ERROR_UNSUPPORTED: ErrorCode
ERROR_NOT_FOUND: ErrorCode
ERROR_ID_CONFLICT: ErrorCode
ERROR_TOO_LARGE: ErrorCode
ERROR_DEADLINE: ErrorCode
ERROR_UNAVAILABLE: ErrorCode
ERROR_INTERNAL: ErrorCode
ERROR_DENIED: ErrorCode
ERROR_NOT_PRIMARY: ErrorCode
ERROR_OVERLOADED: ErrorCode
VERDICT_UNSPECIFIED: Verdict
VERDICT_APPROVE: Verdict
VERDICT_REVIEW: Verdict
VERDICT_CHALLENGE: Verdict
VERDICT_DECLINE: Verdict
ARM_UNSPECIFIED: Arm
ARM_CHAMPION: Arm
ARM_CHALLENGER: Arm
LABEL_NONE: Label
LABEL_LEGIT: Label
LABEL_FRAUD: Label
LABEL_CHARGEBACK: Label
LABEL_SUSPECTED: Label
AMENDMENT_UNSPECIFIED: AmendmentKind
AMENDMENT_VOID: AmendmentKind
AMENDMENT_CAPTURE: AmendmentKind
AMENDMENT_REFUND: AmendmentKind
AMENDMENT_RESTORE: AmendmentKind
RELOAD_UNSPECIFIED: ReloadResult
RELOAD_ADOPTED: ReloadResult
RELOAD_UNCHANGED: ReloadResult
RELOAD_REFUSED: ReloadResult
EXPLAINED_KIND_OTHER: ExplainedKind
EXPLAINED_KIND_NAME: ExplainedKind
EXPLAINED_KIND_HAS: ExplainedKind
EXPLAINED_KIND_LIST: ExplainedKind
EXPLAINED_KIND_THRESHOLD: ExplainedKind
EXPLAINED_KIND_COMPARISON: ExplainedKind
EXPLAINED_KIND_AND: ExplainedKind
EXPLAINED_KIND_OR: ExplainedKind
EXPLAINED_KIND_NOT: ExplainedKind
EXPLAINED_KIND_CONDITIONAL: ExplainedKind
EXPLAINED_KIND_MACRO: ExplainedKind
EXPLAINED_KIND_EACH: ExplainedKind
THRESHOLD_ORIGIN_NONE: ThresholdOrigin
THRESHOLD_ORIGIN_FALLBACK: ThresholdOrigin
THRESHOLD_ORIGIN_OVERALL: ThresholdOrigin
THRESHOLD_ORIGIN_GROUP: ThresholdOrigin
RULE_MODE_LIVE: RuleMode
RULE_MODE_SHADOW: RuleMode
RULE_MODE_OFF: RuleMode
RULE_FATE_FALSE: RuleFate
RULE_FATE_ABSENT: RuleFate
RULE_FATE_ERROR: RuleFate
RULE_FATE_FIRED: RuleFate
RULE_FATE_SHADOW: RuleFate
RULE_FATE_SUPPRESSED: RuleFate
RULE_FATE_OFF: RuleFate
RULE_FATE_EARLY: RuleFate
RULE_FATE_OVER: RuleFate
RULE_FATE_LEFT_OUT: RuleFate

class Request(_message.Message):
    __slots__ = ("protocol", "deadline_us", "token", "traceparent", "score", "report_outcome", "get_entity", "status", "change_list", "get_list", "reload", "explain", "amend", "change_brake", "find", "backfill")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_US_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REPORT_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    GET_ENTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_LIST_FIELD_NUMBER: _ClassVar[int]
    GET_LIST_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    AMEND_FIELD_NUMBER: _ClassVar[int]
    CHANGE_BRAKE_FIELD_NUMBER: _ClassVar[int]
    FIND_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    deadline_us: int
    token: str
    traceparent: str
    score: ScoreRequest
    report_outcome: ReportOutcomeRequest
    get_entity: GetEntityRequest
    status: StatusRequest
    change_list: ChangeListRequest
    get_list: GetListRequest
    reload: ReloadRequest
    explain: ExplainRequest
    amend: AmendRequest
    change_brake: ChangeBrakeRequest
    find: FindRequest
    backfill: BackfillRequest
    def __init__(self, protocol: _Optional[int] = ..., deadline_us: _Optional[int] = ..., token: _Optional[str] = ..., traceparent: _Optional[str] = ..., score: _Optional[_Union[ScoreRequest, _Mapping]] = ..., report_outcome: _Optional[_Union[ReportOutcomeRequest, _Mapping]] = ..., get_entity: _Optional[_Union[GetEntityRequest, _Mapping]] = ..., status: _Optional[_Union[StatusRequest, _Mapping]] = ..., change_list: _Optional[_Union[ChangeListRequest, _Mapping]] = ..., get_list: _Optional[_Union[GetListRequest, _Mapping]] = ..., reload: _Optional[_Union[ReloadRequest, _Mapping]] = ..., explain: _Optional[_Union[ExplainRequest, _Mapping]] = ..., amend: _Optional[_Union[AmendRequest, _Mapping]] = ..., change_brake: _Optional[_Union[ChangeBrakeRequest, _Mapping]] = ..., find: _Optional[_Union[FindRequest, _Mapping]] = ..., backfill: _Optional[_Union[BackfillRequest, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("error", "score", "report_outcome", "get_entity", "status", "change_list", "get_list", "reload", "explain", "amend", "change_brake", "find", "backfill")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REPORT_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    GET_ENTITY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_LIST_FIELD_NUMBER: _ClassVar[int]
    GET_LIST_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    AMEND_FIELD_NUMBER: _ClassVar[int]
    CHANGE_BRAKE_FIELD_NUMBER: _ClassVar[int]
    FIND_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FIELD_NUMBER: _ClassVar[int]
    error: Error
    score: ScoreResponse
    report_outcome: ReportOutcomeResponse
    get_entity: GetEntityResponse
    status: StatusResponse
    change_list: ChangeListResponse
    get_list: GetListResponse
    reload: ReloadResponse
    explain: ExplainResponse
    amend: AmendResponse
    change_brake: ChangeBrakeResponse
    find: FindResponse
    backfill: BackfillResponse
    def __init__(self, error: _Optional[_Union[Error, _Mapping]] = ..., score: _Optional[_Union[ScoreResponse, _Mapping]] = ..., report_outcome: _Optional[_Union[ReportOutcomeResponse, _Mapping]] = ..., get_entity: _Optional[_Union[GetEntityResponse, _Mapping]] = ..., status: _Optional[_Union[StatusResponse, _Mapping]] = ..., change_list: _Optional[_Union[ChangeListResponse, _Mapping]] = ..., get_list: _Optional[_Union[GetListResponse, _Mapping]] = ..., reload: _Optional[_Union[ReloadResponse, _Mapping]] = ..., explain: _Optional[_Union[ExplainResponse, _Mapping]] = ..., amend: _Optional[_Union[AmendResponse, _Mapping]] = ..., change_brake: _Optional[_Union[ChangeBrakeResponse, _Mapping]] = ..., find: _Optional[_Union[FindResponse, _Mapping]] = ..., backfill: _Optional[_Union[BackfillResponse, _Mapping]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "field", "message", "primary", "fallback")
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_FIELD_NUMBER: _ClassVar[int]
    code: ErrorCode
    field: str
    message: str
    primary: str
    fallback: Verdict
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., field: _Optional[str] = ..., message: _Optional[str] = ..., primary: _Optional[str] = ..., fallback: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("transactions", "dry_run", "return_features")
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    RETURN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    transactions: _containers.RepeatedCompositeFieldContainer[Transaction]
    dry_run: bool
    return_features: bool
    def __init__(self, transactions: _Optional[_Iterable[_Union[Transaction, _Mapping]]] = ..., dry_run: bool = ..., return_features: bool = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ScoreResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ScoreResult, _Mapping]]] = ...) -> None: ...

class ScoreResult(_message.Message):
    __slots__ = ("decision", "error")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    error: Error
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ("id", "event_time_us", "amount_minor", "currency", "card", "customer", "account", "merchant", "terminal", "device", "ip", "country", "mcc", "channel", "email", "phone", "source", "sequence", "location", "attributes")
    ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    MERCHANT_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    IP_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    MCC_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    id: str
    event_time_us: int
    amount_minor: int
    currency: str
    card: str
    customer: str
    account: str
    merchant: str
    terminal: str
    device: str
    ip: str
    country: str
    mcc: str
    channel: str
    email: str
    phone: str
    source: str
    sequence: int
    location: Location
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, id: _Optional[str] = ..., event_time_us: _Optional[int] = ..., amount_minor: _Optional[int] = ..., currency: _Optional[str] = ..., card: _Optional[str] = ..., customer: _Optional[str] = ..., account: _Optional[str] = ..., merchant: _Optional[str] = ..., terminal: _Optional[str] = ..., device: _Optional[str] = ..., ip: _Optional[str] = ..., country: _Optional[str] = ..., mcc: _Optional[str] = ..., channel: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., source: _Optional[str] = ..., sequence: _Optional[int] = ..., location: _Optional[_Union[Location, _Mapping]] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("latitude_e7", "longitude_e7")
    LATITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    latitude_e7: int
    longitude_e7: int
    def __init__(self, latitude_e7: _Optional[int] = ..., longitude_e7: _Optional[int] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("name", "text", "integer", "number", "flag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    integer: int
    number: float
    flag: bool
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., integer: _Optional[int] = ..., number: _Optional[float] = ..., flag: bool = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("transaction_id", "verdict", "score", "reasons", "snapshot_id", "generation_id", "position", "degraded", "degraded_reason", "duplicate", "dry_run", "server_us", "rule_errors", "features", "failed_rules", "arm")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_REASON_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    SERVER_US_FIELD_NUMBER: _ClassVar[int]
    RULE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FAILED_RULES_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    verdict: Verdict
    score: int
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    snapshot_id: int
    generation_id: int
    position: int
    degraded: bool
    degraded_reason: str
    duplicate: bool
    dry_run: bool
    server_us: int
    rule_errors: int
    features: _containers.RepeatedCompositeFieldContainer[NamedValue]
    failed_rules: _containers.RepeatedScalarFieldContainer[str]
    arm: Arm
    def __init__(self, transaction_id: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., score: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., snapshot_id: _Optional[int] = ..., generation_id: _Optional[int] = ..., position: _Optional[int] = ..., degraded: bool = ..., degraded_reason: _Optional[str] = ..., duplicate: bool = ..., dry_run: bool = ..., server_us: _Optional[int] = ..., rule_errors: _Optional[int] = ..., features: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., failed_rules: _Optional[_Iterable[str]] = ..., arm: _Optional[_Union[Arm, str]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("rule", "text", "score", "verdict", "shadow", "suppressed", "tags", "group", "capped", "verdict_if_live")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    VERDICT_IF_LIVE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    text: str
    score: int
    verdict: Verdict
    shadow: bool
    suppressed: bool
    tags: _containers.RepeatedScalarFieldContainer[str]
    group: str
    capped: int
    verdict_if_live: Verdict
    def __init__(self, rule: _Optional[str] = ..., text: _Optional[str] = ..., score: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., shadow: bool = ..., suppressed: bool = ..., tags: _Optional[_Iterable[str]] = ..., group: _Optional[str] = ..., capped: _Optional[int] = ..., verdict_if_live: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class NamedValue(_message.Message):
    __slots__ = ("name", "flag", "integer", "number", "text", "timestamp_us", "duration_us")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    flag: bool
    integer: int
    number: float
    text: str
    timestamp_us: int
    duration_us: int
    def __init__(self, name: _Optional[str] = ..., flag: bool = ..., integer: _Optional[int] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., timestamp_us: _Optional[int] = ..., duration_us: _Optional[int] = ...) -> None: ...

class ReportOutcomeRequest(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("transaction_id", "label", "known_time_us", "source", "unless_labelled")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    UNLESS_LABELLED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    label: Label
    known_time_us: int
    source: str
    unless_labelled: bool
    def __init__(self, transaction_id: _Optional[str] = ..., label: _Optional[_Union[Label, str]] = ..., known_time_us: _Optional[int] = ..., source: _Optional[str] = ..., unless_labelled: bool = ...) -> None: ...

class ReportOutcomeResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[OutcomeResult]
    def __init__(self, results: _Optional[_Iterable[_Union[OutcomeResult, _Mapping]]] = ...) -> None: ...

class OutcomeResult(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: OutcomeAccepted
    error: Error
    def __init__(self, accepted: _Optional[_Union[OutcomeAccepted, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class OutcomeAccepted(_message.Message):
    __slots__ = ("transaction_id", "position", "changed", "previous")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    position: int
    changed: bool
    previous: Label
    def __init__(self, transaction_id: _Optional[str] = ..., position: _Optional[int] = ..., changed: bool = ..., previous: _Optional[_Union[Label, str]] = ...) -> None: ...

class AmendRequest(_message.Message):
    __slots__ = ("amendments",)
    AMENDMENTS_FIELD_NUMBER: _ClassVar[int]
    amendments: _containers.RepeatedCompositeFieldContainer[Amendment]
    def __init__(self, amendments: _Optional[_Iterable[_Union[Amendment, _Mapping]]] = ...) -> None: ...

class Amendment(_message.Message):
    __slots__ = ("transaction_id", "kind", "amount_minor", "known_time_us", "source", "currency")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    kind: AmendmentKind
    amount_minor: int
    known_time_us: int
    source: str
    currency: str
    def __init__(self, transaction_id: _Optional[str] = ..., kind: _Optional[_Union[AmendmentKind, str]] = ..., amount_minor: _Optional[int] = ..., known_time_us: _Optional[int] = ..., source: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class AmendResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[AmendmentResult]
    def __init__(self, results: _Optional[_Iterable[_Union[AmendmentResult, _Mapping]]] = ...) -> None: ...

class AmendmentResult(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: AmendmentAccepted
    error: Error
    def __init__(self, accepted: _Optional[_Union[AmendmentAccepted, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class AmendmentAccepted(_message.Message):
    __slots__ = ("transaction_id", "position", "changed", "previous", "now")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    position: int
    changed: bool
    previous: AmendedTransaction
    now: AmendedTransaction
    def __init__(self, transaction_id: _Optional[str] = ..., position: _Optional[int] = ..., changed: bool = ..., previous: _Optional[_Union[AmendedTransaction, _Mapping]] = ..., now: _Optional[_Union[AmendedTransaction, _Mapping]] = ...) -> None: ...

class AmendedTransaction(_message.Message):
    __slots__ = ("voided", "amount_minor", "refunded_minor")
    VOIDED_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_MINOR_FIELD_NUMBER: _ClassVar[int]
    voided: bool
    amount_minor: int
    refunded_minor: int
    def __init__(self, voided: bool = ..., amount_minor: _Optional[int] = ..., refunded_minor: _Optional[int] = ...) -> None: ...

class BackfillRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[BackfillItem]
    def __init__(self, items: _Optional[_Iterable[_Union[BackfillItem, _Mapping]]] = ...) -> None: ...

class BackfillItem(_message.Message):
    __slots__ = ("transaction", "outcome", "amendment")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    AMENDMENT_FIELD_NUMBER: _ClassVar[int]
    transaction: Transaction
    outcome: Outcome
    amendment: Amendment
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., amendment: _Optional[_Union[Amendment, _Mapping]] = ...) -> None: ...

class BackfillResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BackfillResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BackfillResult, _Mapping]]] = ...) -> None: ...

class BackfillResult(_message.Message):
    __slots__ = ("accepted", "error")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    accepted: BackfillAccepted
    error: Error
    def __init__(self, accepted: _Optional[_Union[BackfillAccepted, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class BackfillAccepted(_message.Message):
    __slots__ = ("transaction_id", "position", "duplicate", "verdict", "score", "outcome_recorded", "amendment_recorded")
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_RECORDED_FIELD_NUMBER: _ClassVar[int]
    AMENDMENT_RECORDED_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    position: int
    duplicate: bool
    verdict: Verdict
    score: int
    outcome_recorded: bool
    amendment_recorded: bool
    def __init__(self, transaction_id: _Optional[str] = ..., position: _Optional[int] = ..., duplicate: bool = ..., verdict: _Optional[_Union[Verdict, str]] = ..., score: _Optional[int] = ..., outcome_recorded: bool = ..., amendment_recorded: bool = ...) -> None: ...

class GetEntityRequest(_message.Message):
    __slots__ = ("entity", "key", "at_time_us")
    ENTITY_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    entity: str
    key: _containers.RepeatedScalarFieldContainer[str]
    at_time_us: int
    def __init__(self, entity: _Optional[str] = ..., key: _Optional[_Iterable[str]] = ..., at_time_us: _Optional[int] = ...) -> None: ...

class GetEntityResponse(_message.Message):
    __slots__ = ("features", "newest_time_us", "entries", "state_bytes", "state_hash", "at_time_us")
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    NEWEST_TIME_US_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    features: _containers.RepeatedCompositeFieldContainer[NamedValue]
    newest_time_us: int
    entries: int
    state_bytes: int
    state_hash: int
    at_time_us: int
    def __init__(self, features: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., newest_time_us: _Optional[int] = ..., entries: _Optional[int] = ..., state_bytes: _Optional[int] = ..., state_hash: _Optional[int] = ..., at_time_us: _Optional[int] = ...) -> None: ...

class ChangeListRequest(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[ListChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[ListChange, _Mapping]]] = ...) -> None: ...

class ListChange(_message.Message):
    __slots__ = ("list", "value", "remove", "expiry_time_us", "source", "reason")
    LIST_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    list: str
    value: str
    remove: bool
    expiry_time_us: int
    source: str
    reason: str
    def __init__(self, list: _Optional[str] = ..., value: _Optional[str] = ..., remove: bool = ..., expiry_time_us: _Optional[int] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeListResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ListChangeResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ListChangeResult, _Mapping]]] = ...) -> None: ...

class ListChangeResult(_message.Message):
    __slots__ = ("changed", "error")
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    changed: ListChanged
    error: Error
    def __init__(self, changed: _Optional[_Union[ListChanged, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class ListChanged(_message.Message):
    __slots__ = ("list", "value", "position", "changed", "was_there", "previous_expiry_time_us", "in_policy")
    LIST_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    WAS_THERE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_EXPIRY_TIME_US_FIELD_NUMBER: _ClassVar[int]
    IN_POLICY_FIELD_NUMBER: _ClassVar[int]
    list: str
    value: str
    position: int
    changed: bool
    was_there: bool
    previous_expiry_time_us: int
    in_policy: bool
    def __init__(self, list: _Optional[str] = ..., value: _Optional[str] = ..., position: _Optional[int] = ..., changed: bool = ..., was_there: bool = ..., previous_expiry_time_us: _Optional[int] = ..., in_policy: bool = ...) -> None: ...

class GetListRequest(_message.Message):
    __slots__ = ("list", "after_position", "limit")
    LIST_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    list: str
    after_position: int
    limit: int
    def __init__(self, list: _Optional[str] = ..., after_position: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class GetListResponse(_message.Message):
    __slots__ = ("lists", "entries", "next_position")
    LISTS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_POSITION_FIELD_NUMBER: _ClassVar[int]
    lists: _containers.RepeatedCompositeFieldContainer[ListSummary]
    entries: _containers.RepeatedCompositeFieldContainer[ListEntry]
    next_position: int
    def __init__(self, lists: _Optional[_Iterable[_Union[ListSummary, _Mapping]]] = ..., entries: _Optional[_Iterable[_Union[ListEntry, _Mapping]]] = ..., next_position: _Optional[int] = ...) -> None: ...

class ListSummary(_message.Message):
    __slots__ = ("list", "type", "about", "declared", "runtime", "file", "policy_entries", "added_entries", "used_entries", "changes", "last_change_time_us")
    LIST_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    DECLARED_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    POLICY_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ADDED_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    USED_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    LAST_CHANGE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    list: str
    type: str
    about: str
    declared: bool
    runtime: bool
    file: str
    policy_entries: int
    added_entries: int
    used_entries: int
    changes: int
    last_change_time_us: int
    def __init__(self, list: _Optional[str] = ..., type: _Optional[str] = ..., about: _Optional[str] = ..., declared: bool = ..., runtime: bool = ..., file: _Optional[str] = ..., policy_entries: _Optional[int] = ..., added_entries: _Optional[int] = ..., used_entries: _Optional[int] = ..., changes: _Optional[int] = ..., last_change_time_us: _Optional[int] = ...) -> None: ...

class ListEntry(_message.Message):
    __slots__ = ("value", "expiry_time_us", "position", "receive_time_us", "source", "reason")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_TIME_US_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    value: str
    expiry_time_us: int
    position: int
    receive_time_us: int
    source: str
    reason: str
    def __init__(self, value: _Optional[str] = ..., expiry_time_us: _Optional[int] = ..., position: _Optional[int] = ..., receive_time_us: _Optional[int] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeBrakeRequest(_message.Message):
    __slots__ = ("rule", "policy", "pull", "definition", "source", "reason")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    rule: str
    policy: bool
    pull: bool
    definition: int
    source: str
    reason: str
    def __init__(self, rule: _Optional[str] = ..., policy: bool = ..., pull: bool = ..., definition: _Optional[int] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeBrakeResponse(_message.Message):
    __slots__ = ("changed", "position", "definition")
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    position: int
    definition: int
    def __init__(self, changed: bool = ..., position: _Optional[int] = ..., definition: _Optional[int] = ...) -> None: ...

class Brake(_message.Message):
    __slots__ = ("rule", "definition", "applies", "pulled_time_us", "position", "source", "reason")
    RULE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    APPLIES_FIELD_NUMBER: _ClassVar[int]
    PULLED_TIME_US_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    rule: str
    definition: int
    applies: bool
    pulled_time_us: int
    position: int
    source: str
    reason: str
    def __init__(self, rule: _Optional[str] = ..., definition: _Optional[int] = ..., applies: bool = ..., pulled_time_us: _Optional[int] = ..., position: _Optional[int] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ("state_hash",)
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    state_hash: bool
    def __init__(self, state_hash: bool = ...) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("version", "state", "state_reason", "started_time_us", "policy_name", "snapshot_id", "reload_error", "refused_since_time_us", "generation_id", "generation_position", "generation_time_us", "stale", "warming_features", "warming_feature_count", "warming_rules", "warming_rule_count", "ids_since_time_us", "position", "synced_position", "transactions", "outcomes", "labels", "newest_event_time_us", "overlay_entities", "overlay_bytes", "overlay_memory_bytes", "state_hash", "duplicates", "rejected", "swap_state", "swap_reason", "compared_entities", "differing_entities", "node", "primary", "committed_position", "brakes", "brake_count", "sources", "other_source_transactions", "experiment", "challenger_error", "backup_time_us", "backup_position")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    STARTED_TIME_US_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    RELOAD_ERROR_FIELD_NUMBER: _ClassVar[int]
    REFUSED_SINCE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_POSITION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_TIME_US_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    WARMING_FEATURES_FIELD_NUMBER: _ClassVar[int]
    WARMING_FEATURE_COUNT_FIELD_NUMBER: _ClassVar[int]
    WARMING_RULES_FIELD_NUMBER: _ClassVar[int]
    WARMING_RULE_COUNT_FIELD_NUMBER: _ClassVar[int]
    IDS_SINCE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SYNCED_POSITION_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_EVENT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    OVERLAY_ENTITIES_FIELD_NUMBER: _ClassVar[int]
    OVERLAY_BYTES_FIELD_NUMBER: _ClassVar[int]
    OVERLAY_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    SWAP_STATE_FIELD_NUMBER: _ClassVar[int]
    SWAP_REASON_FIELD_NUMBER: _ClassVar[int]
    COMPARED_ENTITIES_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_ENTITIES_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_POSITION_FIELD_NUMBER: _ClassVar[int]
    BRAKES_FIELD_NUMBER: _ClassVar[int]
    BRAKE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    OTHER_SOURCE_TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_ERROR_FIELD_NUMBER: _ClassVar[int]
    BACKUP_TIME_US_FIELD_NUMBER: _ClassVar[int]
    BACKUP_POSITION_FIELD_NUMBER: _ClassVar[int]
    version: str
    state: str
    state_reason: str
    started_time_us: int
    policy_name: str
    snapshot_id: int
    reload_error: str
    refused_since_time_us: int
    generation_id: int
    generation_position: int
    generation_time_us: int
    stale: bool
    warming_features: _containers.RepeatedScalarFieldContainer[str]
    warming_feature_count: int
    warming_rules: _containers.RepeatedScalarFieldContainer[str]
    warming_rule_count: int
    ids_since_time_us: int
    position: int
    synced_position: int
    transactions: int
    outcomes: int
    labels: _containers.RepeatedCompositeFieldContainer[LabelCount]
    newest_event_time_us: int
    overlay_entities: int
    overlay_bytes: int
    overlay_memory_bytes: int
    state_hash: int
    duplicates: int
    rejected: int
    swap_state: str
    swap_reason: str
    compared_entities: int
    differing_entities: int
    node: str
    primary: str
    committed_position: int
    brakes: _containers.RepeatedCompositeFieldContainer[Brake]
    brake_count: int
    sources: _containers.RepeatedCompositeFieldContainer[SourceStatus]
    other_source_transactions: int
    experiment: Experiment
    challenger_error: str
    backup_time_us: int
    backup_position: int
    def __init__(self, version: _Optional[str] = ..., state: _Optional[str] = ..., state_reason: _Optional[str] = ..., started_time_us: _Optional[int] = ..., policy_name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., reload_error: _Optional[str] = ..., refused_since_time_us: _Optional[int] = ..., generation_id: _Optional[int] = ..., generation_position: _Optional[int] = ..., generation_time_us: _Optional[int] = ..., stale: bool = ..., warming_features: _Optional[_Iterable[str]] = ..., warming_feature_count: _Optional[int] = ..., warming_rules: _Optional[_Iterable[str]] = ..., warming_rule_count: _Optional[int] = ..., ids_since_time_us: _Optional[int] = ..., position: _Optional[int] = ..., synced_position: _Optional[int] = ..., transactions: _Optional[int] = ..., outcomes: _Optional[int] = ..., labels: _Optional[_Iterable[_Union[LabelCount, _Mapping]]] = ..., newest_event_time_us: _Optional[int] = ..., overlay_entities: _Optional[int] = ..., overlay_bytes: _Optional[int] = ..., overlay_memory_bytes: _Optional[int] = ..., state_hash: _Optional[int] = ..., duplicates: _Optional[int] = ..., rejected: _Optional[int] = ..., swap_state: _Optional[str] = ..., swap_reason: _Optional[str] = ..., compared_entities: _Optional[int] = ..., differing_entities: _Optional[int] = ..., node: _Optional[str] = ..., primary: _Optional[str] = ..., committed_position: _Optional[int] = ..., brakes: _Optional[_Iterable[_Union[Brake, _Mapping]]] = ..., brake_count: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SourceStatus, _Mapping]]] = ..., other_source_transactions: _Optional[int] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ..., challenger_error: _Optional[str] = ..., backup_time_us: _Optional[int] = ..., backup_position: _Optional[int] = ...) -> None: ...

class SourceStatus(_message.Message):
    __slots__ = ("source", "transactions", "last_receive_time_us", "first", "highest", "gaps", "missed", "late", "repeats", "restarts", "missing")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    LAST_RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    source: str
    transactions: int
    last_receive_time_us: int
    first: int
    highest: int
    gaps: int
    missed: int
    late: int
    repeats: int
    restarts: int
    missing: _containers.RepeatedCompositeFieldContainer[SourceRange]
    def __init__(self, source: _Optional[str] = ..., transactions: _Optional[int] = ..., last_receive_time_us: _Optional[int] = ..., first: _Optional[int] = ..., highest: _Optional[int] = ..., gaps: _Optional[int] = ..., missed: _Optional[int] = ..., late: _Optional[int] = ..., repeats: _Optional[int] = ..., restarts: _Optional[int] = ..., missing: _Optional[_Iterable[_Union[SourceRange, _Mapping]]] = ...) -> None: ...

class SourceRange(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ("name", "key", "share_e4", "policy_name", "snapshot_id", "position", "since_time_us", "champion_decisions", "challenger_decisions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SHARE_E4_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    CHAMPION_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_DECISIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    key: str
    share_e4: int
    policy_name: str
    snapshot_id: int
    position: int
    since_time_us: int
    champion_decisions: int
    challenger_decisions: int
    def __init__(self, name: _Optional[str] = ..., key: _Optional[str] = ..., share_e4: _Optional[int] = ..., policy_name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., position: _Optional[int] = ..., since_time_us: _Optional[int] = ..., champion_decisions: _Optional[int] = ..., challenger_decisions: _Optional[int] = ...) -> None: ...

class LabelCount(_message.Message):
    __slots__ = ("label", "transactions")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    label: Label
    transactions: int
    def __init__(self, label: _Optional[_Union[Label, str]] = ..., transactions: _Optional[int] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ("wait",)
    WAIT_FIELD_NUMBER: _ClassVar[int]
    wait: bool
    def __init__(self, wait: bool = ...) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ("result", "policy_name", "snapshot_id", "error", "messages", "warming_features", "warming_feature_count", "warming_rules", "warming_rule_count", "shadows")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    WARMING_FEATURES_FIELD_NUMBER: _ClassVar[int]
    WARMING_FEATURE_COUNT_FIELD_NUMBER: _ClassVar[int]
    WARMING_RULES_FIELD_NUMBER: _ClassVar[int]
    WARMING_RULE_COUNT_FIELD_NUMBER: _ClassVar[int]
    SHADOWS_FIELD_NUMBER: _ClassVar[int]
    result: ReloadResult
    policy_name: str
    snapshot_id: int
    error: str
    messages: str
    warming_features: _containers.RepeatedScalarFieldContainer[str]
    warming_feature_count: int
    warming_rules: _containers.RepeatedScalarFieldContainer[str]
    warming_rule_count: int
    shadows: _containers.RepeatedCompositeFieldContainer[ShadowReload]
    def __init__(self, result: _Optional[_Union[ReloadResult, str]] = ..., policy_name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., error: _Optional[str] = ..., messages: _Optional[str] = ..., warming_features: _Optional[_Iterable[str]] = ..., warming_feature_count: _Optional[int] = ..., warming_rules: _Optional[_Iterable[str]] = ..., warming_rule_count: _Optional[int] = ..., shadows: _Optional[_Iterable[_Union[ShadowReload, _Mapping]]] = ...) -> None: ...

class ShadowReload(_message.Message):
    __slots__ = ("folder", "result", "policy_name", "snapshot_id", "error", "messages")
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    folder: str
    result: ReloadResult
    policy_name: str
    snapshot_id: int
    error: str
    messages: str
    def __init__(self, folder: _Optional[str] = ..., result: _Optional[_Union[ReloadResult, str]] = ..., policy_name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., error: _Optional[str] = ..., messages: _Optional[str] = ...) -> None: ...

class FindRequest(_message.Message):
    __slots__ = ("from_us", "until_us", "received_from_us", "received_until_us", "verdicts", "score", "amount", "currency", "rule", "shadow", "keys", "labels", "transaction_id", "limit", "cursor")
    FROM_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FROM_US_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    from_us: int
    until_us: int
    received_from_us: int
    received_until_us: int
    verdicts: _containers.RepeatedScalarFieldContainer[Verdict]
    score: ScoreRange
    amount: AmountRange
    currency: str
    rule: str
    shadow: bool
    keys: _containers.RepeatedCompositeFieldContainer[FindKey]
    labels: _containers.RepeatedScalarFieldContainer[Label]
    transaction_id: str
    limit: int
    cursor: str
    def __init__(self, from_us: _Optional[int] = ..., until_us: _Optional[int] = ..., received_from_us: _Optional[int] = ..., received_until_us: _Optional[int] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, str]]] = ..., score: _Optional[_Union[ScoreRange, _Mapping]] = ..., amount: _Optional[_Union[AmountRange, _Mapping]] = ..., currency: _Optional[str] = ..., rule: _Optional[str] = ..., shadow: bool = ..., keys: _Optional[_Iterable[_Union[FindKey, _Mapping]]] = ..., labels: _Optional[_Iterable[_Union[Label, str]]] = ..., transaction_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ScoreRange(_message.Message):
    __slots__ = ("min", "max")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    min: int
    max: int
    def __init__(self, min: _Optional[int] = ..., max: _Optional[int] = ...) -> None: ...

class AmountRange(_message.Message):
    __slots__ = ("min_minor", "max_minor")
    MIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    MAX_MINOR_FIELD_NUMBER: _ClassVar[int]
    min_minor: int
    max_minor: int
    def __init__(self, min_minor: _Optional[int] = ..., max_minor: _Optional[int] = ...) -> None: ...

class FindKey(_message.Message):
    __slots__ = ("field", "value")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class FindResponse(_message.Message):
    __slots__ = ("transactions", "cursor", "incomplete")
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    transactions: _containers.RepeatedCompositeFieldContainer[FoundTransaction]
    cursor: str
    incomplete: bool
    def __init__(self, transactions: _Optional[_Iterable[_Union[FoundTransaction, _Mapping]]] = ..., cursor: _Optional[str] = ..., incomplete: bool = ...) -> None: ...

class FoundTransaction(_message.Message):
    __slots__ = ("transaction", "decision", "receive_time_us", "label", "outcome_receive_time_us", "outcome_known_time_us", "amended", "amended_time_us", "backfilled")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_KNOWN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    AMENDED_FIELD_NUMBER: _ClassVar[int]
    AMENDED_TIME_US_FIELD_NUMBER: _ClassVar[int]
    BACKFILLED_FIELD_NUMBER: _ClassVar[int]
    transaction: Transaction
    decision: Decision
    receive_time_us: int
    label: Label
    outcome_receive_time_us: int
    outcome_known_time_us: int
    amended: AmendedTransaction
    amended_time_us: int
    backfilled: bool
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ..., receive_time_us: _Optional[int] = ..., label: _Optional[_Union[Label, str]] = ..., outcome_receive_time_us: _Optional[int] = ..., outcome_known_time_us: _Optional[int] = ..., amended: _Optional[_Union[AmendedTransaction, _Mapping]] = ..., amended_time_us: _Optional[int] = ..., backfilled: bool = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("transaction_id",)
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("transaction", "position", "receive_time_us", "archived", "equal", "difference", "policy_position", "generation_id", "generation_position", "adopted_position", "base_position", "records_read", "records_applied", "entities", "outcomes", "notes", "then", "amendments", "experiment")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    POLICY_POSITION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_POSITION_FIELD_NUMBER: _ClassVar[int]
    ADOPTED_POSITION_FIELD_NUMBER: _ClassVar[int]
    BASE_POSITION_FIELD_NUMBER: _ClassVar[int]
    RECORDS_READ_FIELD_NUMBER: _ClassVar[int]
    RECORDS_APPLIED_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    THEN_FIELD_NUMBER: _ClassVar[int]
    AMENDMENTS_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    transaction: Transaction
    position: int
    receive_time_us: int
    archived: Decision
    equal: bool
    difference: str
    policy_position: int
    generation_id: int
    generation_position: int
    adopted_position: int
    base_position: int
    records_read: int
    records_applied: int
    entities: _containers.RepeatedCompositeFieldContainer[ExplainedEntity]
    outcomes: _containers.RepeatedCompositeFieldContainer[ExplainedOutcome]
    notes: _containers.RepeatedScalarFieldContainer[str]
    then: ExplainedPolicy
    amendments: _containers.RepeatedCompositeFieldContainer[ExplainedAmendment]
    experiment: str
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., position: _Optional[int] = ..., receive_time_us: _Optional[int] = ..., archived: _Optional[_Union[Decision, _Mapping]] = ..., equal: bool = ..., difference: _Optional[str] = ..., policy_position: _Optional[int] = ..., generation_id: _Optional[int] = ..., generation_position: _Optional[int] = ..., adopted_position: _Optional[int] = ..., base_position: _Optional[int] = ..., records_read: _Optional[int] = ..., records_applied: _Optional[int] = ..., entities: _Optional[_Iterable[_Union[ExplainedEntity, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[ExplainedOutcome, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ..., then: _Optional[_Union[ExplainedPolicy, _Mapping]] = ..., amendments: _Optional[_Iterable[_Union[ExplainedAmendment, _Mapping]]] = ..., experiment: _Optional[str] = ...) -> None: ...

class ExplainedEntity(_message.Message):
    __slots__ = ("name", "key", "entries", "newest_time_us", "applied", "in_tables")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEWEST_TIME_US_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    IN_TABLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    key: str
    entries: int
    newest_time_us: int
    applied: int
    in_tables: bool
    def __init__(self, name: _Optional[str] = ..., key: _Optional[str] = ..., entries: _Optional[int] = ..., newest_time_us: _Optional[int] = ..., applied: _Optional[int] = ..., in_tables: bool = ...) -> None: ...

class ExplainedOutcome(_message.Message):
    __slots__ = ("position", "receive_time_us", "known_time_us", "previous", "label", "source")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    position: int
    receive_time_us: int
    known_time_us: int
    previous: Label
    label: Label
    source: str
    def __init__(self, position: _Optional[int] = ..., receive_time_us: _Optional[int] = ..., known_time_us: _Optional[int] = ..., previous: _Optional[_Union[Label, str]] = ..., label: _Optional[_Union[Label, str]] = ..., source: _Optional[str] = ...) -> None: ...

class ExplainedAmendment(_message.Message):
    __slots__ = ("position", "receive_time_us", "known_time_us", "previous", "now", "source")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    position: int
    receive_time_us: int
    known_time_us: int
    previous: AmendedTransaction
    now: AmendedTransaction
    source: str
    def __init__(self, position: _Optional[int] = ..., receive_time_us: _Optional[int] = ..., known_time_us: _Optional[int] = ..., previous: _Optional[_Union[AmendedTransaction, _Mapping]] = ..., now: _Optional[_Union[AmendedTransaction, _Mapping]] = ..., source: _Optional[str] = ...) -> None: ...

class ExplainedPolicy(_message.Message):
    __slots__ = ("name", "snapshot_id", "refusal", "refused_field", "decision", "fields", "computed", "rules", "groups", "cutoffs", "shadows", "warming_features", "models")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    CUTOFFS_FIELD_NUMBER: _ClassVar[int]
    SHADOWS_FIELD_NUMBER: _ClassVar[int]
    WARMING_FEATURES_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    snapshot_id: int
    refusal: str
    refused_field: str
    decision: Decision
    fields: _containers.RepeatedCompositeFieldContainer[NamedValue]
    computed: _containers.RepeatedCompositeFieldContainer[ExplainedComputed]
    rules: _containers.RepeatedCompositeFieldContainer[ExplainedRule]
    groups: _containers.RepeatedCompositeFieldContainer[ExplainedGroup]
    cutoffs: _containers.RepeatedCompositeFieldContainer[ExplainedCutoff]
    shadows: _containers.RepeatedCompositeFieldContainer[ExplainedShadow]
    warming_features: _containers.RepeatedScalarFieldContainer[str]
    models: _containers.RepeatedCompositeFieldContainer[ExplainedModel]
    def __init__(self, name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., refusal: _Optional[str] = ..., refused_field: _Optional[str] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ..., fields: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., computed: _Optional[_Iterable[_Union[ExplainedComputed, _Mapping]]] = ..., rules: _Optional[_Iterable[_Union[ExplainedRule, _Mapping]]] = ..., groups: _Optional[_Iterable[_Union[ExplainedGroup, _Mapping]]] = ..., cutoffs: _Optional[_Iterable[_Union[ExplainedCutoff, _Mapping]]] = ..., shadows: _Optional[_Iterable[_Union[ExplainedShadow, _Mapping]]] = ..., warming_features: _Optional[_Iterable[str]] = ..., models: _Optional[_Iterable[_Union[ExplainedModel, _Mapping]]] = ...) -> None: ...

class ExplainedModel(_message.Message):
    __slots__ = ("name", "inputs", "contributions", "bias", "margin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    BIAS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    inputs: _containers.RepeatedCompositeFieldContainer[NamedValue]
    contributions: _containers.RepeatedScalarFieldContainer[float]
    bias: float
    margin: float
    def __init__(self, name: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., contributions: _Optional[_Iterable[float]] = ..., bias: _Optional[float] = ..., margin: _Optional[float] = ...) -> None: ...

class ExplainedPart(_message.Message):
    __slots__ = ("text", "depth", "kind", "type", "value", "error", "reached", "decides", "list", "added", "origin")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REACHED_FIELD_NUMBER: _ClassVar[int]
    DECIDES_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    text: str
    depth: int
    kind: ExplainedKind
    type: str
    value: NamedValue
    error: str
    reached: bool
    decides: bool
    list: str
    added: bool
    origin: ThresholdOrigin
    def __init__(self, text: _Optional[str] = ..., depth: _Optional[int] = ..., kind: _Optional[_Union[ExplainedKind, str]] = ..., type: _Optional[str] = ..., value: _Optional[_Union[NamedValue, _Mapping]] = ..., error: _Optional[str] = ..., reached: bool = ..., decides: bool = ..., list: _Optional[str] = ..., added: bool = ..., origin: _Optional[_Union[ThresholdOrigin, str]] = ...) -> None: ...

class ExplainedComputed(_message.Message):
    __slots__ = ("name", "parts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    parts: _containers.RepeatedCompositeFieldContainer[ExplainedPart]
    def __init__(self, name: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[ExplainedPart, _Mapping]]] = ...) -> None: ...

class ExplainedRule(_message.Message):
    __slots__ = ("name", "about", "file", "line", "mode", "fate", "verdict", "verdict_on_error", "score", "group", "reason", "capped", "verdict_if_live", "from_us", "until_us", "rollout", "rollout_key", "parts", "braked")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    FATE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    VERDICT_IF_LIVE_FIELD_NUMBER: _ClassVar[int]
    FROM_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_KEY_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    BRAKED_FIELD_NUMBER: _ClassVar[int]
    name: str
    about: str
    file: str
    line: int
    mode: RuleMode
    fate: RuleFate
    verdict: Verdict
    verdict_on_error: Verdict
    score: int
    group: str
    reason: str
    capped: int
    verdict_if_live: Verdict
    from_us: int
    until_us: int
    rollout: int
    rollout_key: str
    parts: _containers.RepeatedCompositeFieldContainer[ExplainedPart]
    braked: bool
    def __init__(self, name: _Optional[str] = ..., about: _Optional[str] = ..., file: _Optional[str] = ..., line: _Optional[int] = ..., mode: _Optional[_Union[RuleMode, str]] = ..., fate: _Optional[_Union[RuleFate, str]] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., verdict_on_error: _Optional[_Union[Verdict, str]] = ..., score: _Optional[int] = ..., group: _Optional[str] = ..., reason: _Optional[str] = ..., capped: _Optional[int] = ..., verdict_if_live: _Optional[_Union[Verdict, str]] = ..., from_us: _Optional[int] = ..., until_us: _Optional[int] = ..., rollout: _Optional[int] = ..., rollout_key: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[ExplainedPart, _Mapping]]] = ..., braked: bool = ...) -> None: ...

class ExplainedGroup(_message.Message):
    __slots__ = ("name", "about", "greatest", "limited", "at_most", "asked", "counted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    GREATEST_FIELD_NUMBER: _ClassVar[int]
    LIMITED_FIELD_NUMBER: _ClassVar[int]
    AT_MOST_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    about: str
    greatest: bool
    limited: bool
    at_most: int
    asked: int
    counted: int
    def __init__(self, name: _Optional[str] = ..., about: _Optional[str] = ..., greatest: bool = ..., limited: bool = ..., at_most: _Optional[int] = ..., asked: _Optional[int] = ..., counted: _Optional[int] = ...) -> None: ...

class ExplainedCutoff(_message.Message):
    __slots__ = ("verdict", "score", "computed")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    score: int
    computed: bool
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., score: _Optional[int] = ..., computed: bool = ...) -> None: ...

class ExplainedShadow(_message.Message):
    __slots__ = ("name", "snapshot_id", "verdict", "score", "rules", "rule_errors", "degraded", "arm")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    RULE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    name: str
    snapshot_id: int
    verdict: Verdict
    score: int
    rules: _containers.RepeatedScalarFieldContainer[str]
    rule_errors: int
    degraded: bool
    arm: Arm
    def __init__(self, name: _Optional[str] = ..., snapshot_id: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., score: _Optional[int] = ..., rules: _Optional[_Iterable[str]] = ..., rule_errors: _Optional[int] = ..., degraded: bool = ..., arm: _Optional[_Union[Arm, str]] = ...) -> None: ...
