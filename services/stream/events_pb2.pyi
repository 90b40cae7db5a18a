from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PostAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POST_ACTION_UNSPECIFIED: _ClassVar[PostAction]
    POST_ACTION_CREATE: _ClassVar[PostAction]
    POST_ACTION_UPDATE: _ClassVar[PostAction]
    POST_ACTION_DELETE: _ClassVar[PostAction]

class PostKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POST_KIND_UNSPECIFIED: _ClassVar[PostKind]
    POST_KIND_CLAIM: _ClassVar[PostKind]
    POST_KIND_QUESTION: _ClassVar[PostKind]
    POST_KIND_EXPERIENCE: _ClassVar[PostKind]
    POST_KIND_SUPPORT: _ClassVar[PostKind]
    POST_KIND_NEWS: _ClassVar[PostKind]
    POST_KIND_CHATTER: _ClassVar[PostKind]

class Stance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STANCE_UNSPECIFIED: _ClassVar[Stance]
    STANCE_ENDORSE: _ClassVar[Stance]
    STANCE_REFUTE: _ClassVar[Stance]
    STANCE_DISCUSS: _ClassVar[Stance]
    STANCE_NONE: _ClassVar[Stance]

class Harm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HARM_UNSPECIFIED: _ClassVar[Harm]
    HARM_LOW: _ClassVar[Harm]
    HARM_MODERATE: _ClassVar[Harm]
    HARM_HIGH: _ClassVar[Harm]

class CaseStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CASE_STATUS_UNSPECIFIED: _ClassVar[CaseStatus]
    CASE_STATUS_OPEN: _ClassVar[CaseStatus]
    CASE_STATUS_ACKNOWLEDGED: _ClassVar[CaseStatus]
    CASE_STATUS_MUTED: _ClassVar[CaseStatus]
    CASE_STATUS_DISMISSED: _ClassVar[CaseStatus]
    CASE_STATUS_ANSWERED: _ClassVar[CaseStatus]
    CASE_STATUS_MERGED: _ClassVar[CaseStatus]

class Triage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAGE_UNSPECIFIED: _ClassVar[Triage]
    TRIAGE_IGNORE: _ClassVar[Triage]
    TRIAGE_MONITOR: _ClassVar[Triage]
    TRIAGE_RESPOND: _ClassVar[Triage]

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_SLACK: _ClassVar[Channel]
    CHANNEL_EMAIL: _ClassVar[Channel]
    CHANNEL_CHAT: _ClassVar[Channel]
    CHANNEL_WEBHOOK: _ClassVar[Channel]

class Delivery(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_UNSPECIFIED: _ClassVar[Delivery]
    DELIVERY_PENDING: _ClassVar[Delivery]
    DELIVERY_SENT: _ClassVar[Delivery]
    DELIVERY_FAILED: _ClassVar[Delivery]

class FeedbackAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEEDBACK_ACTION_UNSPECIFIED: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_ACKNOWLEDGE: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_NOT_A_MYTH: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_MUTE: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_REOPEN: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_ASSIGN: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_RESPOND: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_ANSWERED: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_MERGE: _ClassVar[FeedbackAction]
    FEEDBACK_ACTION_SPLIT: _ClassVar[FeedbackAction]
POST_ACTION_UNSPECIFIED: PostAction
POST_ACTION_CREATE: PostAction
POST_ACTION_UPDATE: PostAction
POST_ACTION_DELETE: PostAction
POST_KIND_UNSPECIFIED: PostKind
POST_KIND_CLAIM: PostKind
POST_KIND_QUESTION: PostKind
POST_KIND_EXPERIENCE: PostKind
POST_KIND_SUPPORT: PostKind
POST_KIND_NEWS: PostKind
POST_KIND_CHATTER: PostKind
STANCE_UNSPECIFIED: Stance
STANCE_ENDORSE: Stance
STANCE_REFUTE: Stance
STANCE_DISCUSS: Stance
STANCE_NONE: Stance
HARM_UNSPECIFIED: Harm
HARM_LOW: Harm
HARM_MODERATE: Harm
HARM_HIGH: Harm
CASE_STATUS_UNSPECIFIED: CaseStatus
CASE_STATUS_OPEN: CaseStatus
CASE_STATUS_ACKNOWLEDGED: CaseStatus
CASE_STATUS_MUTED: CaseStatus
CASE_STATUS_DISMISSED: CaseStatus
CASE_STATUS_ANSWERED: CaseStatus
CASE_STATUS_MERGED: CaseStatus
TRIAGE_UNSPECIFIED: Triage
TRIAGE_IGNORE: Triage
TRIAGE_MONITOR: Triage
TRIAGE_RESPOND: Triage
CHANNEL_UNSPECIFIED: Channel
CHANNEL_SLACK: Channel
CHANNEL_EMAIL: Channel
CHANNEL_CHAT: Channel
CHANNEL_WEBHOOK: Channel
DELIVERY_UNSPECIFIED: Delivery
DELIVERY_PENDING: Delivery
DELIVERY_SENT: Delivery
DELIVERY_FAILED: Delivery
FEEDBACK_ACTION_UNSPECIFIED: FeedbackAction
FEEDBACK_ACTION_ACKNOWLEDGE: FeedbackAction
FEEDBACK_ACTION_NOT_A_MYTH: FeedbackAction
FEEDBACK_ACTION_MUTE: FeedbackAction
FEEDBACK_ACTION_REOPEN: FeedbackAction
FEEDBACK_ACTION_ASSIGN: FeedbackAction
FEEDBACK_ACTION_RESPOND: FeedbackAction
FEEDBACK_ACTION_ANSWERED: FeedbackAction
FEEDBACK_ACTION_MERGE: FeedbackAction
FEEDBACK_ACTION_SPLIT: FeedbackAction

class SocialPost(_message.Message):
    __slots__ = ("id", "action", "platform", "text", "language", "author", "url", "created_ms", "received_ms", "reply_to", "parent_text", "engagement", "source", "author_deleted")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_MS_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    PARENT_TEXT_FIELD_NUMBER: _ClassVar[int]
    ENGAGEMENT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_DELETED_FIELD_NUMBER: _ClassVar[int]
    id: str
    action: PostAction
    platform: str
    text: str
    language: str
    author: str
    url: str
    created_ms: int
    received_ms: int
    reply_to: str
    parent_text: str
    engagement: Engagement
    source: str
    author_deleted: str
    def __init__(self, id: _Optional[str] = ..., action: _Optional[_Union[PostAction, str]] = ..., platform: _Optional[str] = ..., text: _Optional[str] = ..., language: _Optional[str] = ..., author: _Optional[str] = ..., url: _Optional[str] = ..., created_ms: _Optional[int] = ..., received_ms: _Optional[int] = ..., reply_to: _Optional[str] = ..., parent_text: _Optional[str] = ..., engagement: _Optional[_Union[Engagement, _Mapping]] = ..., source: _Optional[str] = ..., author_deleted: _Optional[str] = ...) -> None: ...

class Engagement(_message.Message):
    __slots__ = ("likes", "reposts", "replies", "views")
    LIKES_FIELD_NUMBER: _ClassVar[int]
    REPOSTS_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    likes: int
    reposts: int
    replies: int
    views: int
    def __init__(self, likes: _Optional[int] = ..., reposts: _Optional[int] = ..., replies: _Optional[int] = ..., views: _Optional[int] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("myth_id", "score")
    MYTH_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    myth_id: str
    score: float
    def __init__(self, myth_id: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class ClaimVerdict(_message.Message):
    __slots__ = ("id", "post", "kind", "health", "claim", "misinformation", "candidates", "stance", "stance_score", "flag", "flag_score", "reasons", "model_version", "classified_ms", "myth_id", "narrative_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    POST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    MISINFORMATION_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    STANCE_FIELD_NUMBER: _ClassVar[int]
    STANCE_SCORE_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    FLAG_SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIED_MS_FIELD_NUMBER: _ClassVar[int]
    MYTH_ID_FIELD_NUMBER: _ClassVar[int]
    NARRATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    post: SocialPost
    kind: PostKind
    health: float
    claim: float
    misinformation: float
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    stance: Stance
    stance_score: float
    flag: bool
    flag_score: float
    reasons: _containers.RepeatedScalarFieldContainer[str]
    model_version: str
    classified_ms: int
    myth_id: str
    narrative_id: str
    def __init__(self, id: _Optional[str] = ..., post: _Optional[_Union[SocialPost, _Mapping]] = ..., kind: _Optional[_Union[PostKind, str]] = ..., health: _Optional[float] = ..., claim: _Optional[float] = ..., misinformation: _Optional[float] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., stance: _Optional[_Union[Stance, str]] = ..., stance_score: _Optional[float] = ..., flag: _Optional[bool] = ..., flag_score: _Optional[float] = ..., reasons: _Optional[_Iterable[str]] = ..., model_version: _Optional[str] = ..., classified_ms: _Optional[int] = ..., myth_id: _Optional[str] = ..., narrative_id: _Optional[str] = ...) -> None: ...

class MythCase(_message.Message):
    __slots__ = ("id", "myth_id", "claim", "status", "triage", "triage_reason", "harm", "posts", "authors", "posts_per_hour", "first_seen_ms", "last_seen_ms", "muted_until_ms", "version", "assigned_to", "merged_into", "answered_ms", "answer_url", "doubling_ms", "coordinated")
    ID_FIELD_NUMBER: _ClassVar[int]
    MYTH_ID_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TRIAGE_FIELD_NUMBER: _ClassVar[int]
    TRIAGE_REASON_FIELD_NUMBER: _ClassVar[int]
    HARM_FIELD_NUMBER: _ClassVar[int]
    POSTS_FIELD_NUMBER: _ClassVar[int]
    AUTHORS_FIELD_NUMBER: _ClassVar[int]
    POSTS_PER_HOUR_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_MS_FIELD_NUMBER: _ClassVar[int]
    MUTED_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_TO_FIELD_NUMBER: _ClassVar[int]
    MERGED_INTO_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_MS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_URL_FIELD_NUMBER: _ClassVar[int]
    DOUBLING_MS_FIELD_NUMBER: _ClassVar[int]
    COORDINATED_FIELD_NUMBER: _ClassVar[int]
    id: str
    myth_id: str
    claim: str
    status: CaseStatus
    triage: Triage
    triage_reason: str
    harm: Harm
    posts: int
    authors: int
    posts_per_hour: float
    first_seen_ms: int
    last_seen_ms: int
    muted_until_ms: int
    version: int
    assigned_to: str
    merged_into: str
    answered_ms: int
    answer_url: str
    doubling_ms: int
    coordinated: str
    def __init__(self, id: _Optional[str] = ..., myth_id: _Optional[str] = ..., claim: _Optional[str] = ..., status: _Optional[_Union[CaseStatus, str]] = ..., triage: _Optional[_Union[Triage, str]] = ..., triage_reason: _Optional[str] = ..., harm: _Optional[_Union[Harm, str]] = ..., posts: _Optional[int] = ..., authors: _Optional[int] = ..., posts_per_hour: _Optional[float] = ..., first_seen_ms: _Optional[int] = ..., last_seen_ms: _Optional[int] = ..., muted_until_ms: _Optional[int] = ..., version: _Optional[int] = ..., assigned_to: _Optional[str] = ..., merged_into: _Optional[str] = ..., answered_ms: _Optional[int] = ..., answer_url: _Optional[str] = ..., doubling_ms: _Optional[int] = ..., coordinated: _Optional[str] = ...) -> None: ...

class Notification(_message.Message):
    __slots__ = ("id", "case_id", "channel", "recipient", "reason", "delivery", "attempts", "external_id", "error", "created_ms", "sent_ms", "case_version")
    ID_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    CASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    case_id: str
    channel: Channel
    recipient: str
    reason: str
    delivery: Delivery
    attempts: int
    external_id: str
    error: str
    created_ms: int
    sent_ms: int
    case_version: int
    def __init__(self, id: _Optional[str] = ..., case_id: _Optional[str] = ..., channel: _Optional[_Union[Channel, str]] = ..., recipient: _Optional[str] = ..., reason: _Optional[str] = ..., delivery: _Optional[_Union[Delivery, str]] = ..., attempts: _Optional[int] = ..., external_id: _Optional[str] = ..., error: _Optional[str] = ..., created_ms: _Optional[int] = ..., sent_ms: _Optional[int] = ..., case_version: _Optional[int] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("id", "case_id", "myth_id", "action", "person", "via", "note", "decided_ms", "post_ids", "muted_until_ms", "assignee", "answer_url", "other_case_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    MYTH_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_MS_FIELD_NUMBER: _ClassVar[int]
    POST_IDS_FIELD_NUMBER: _ClassVar[int]
    MUTED_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_URL_FIELD_NUMBER: _ClassVar[int]
    OTHER_CASE_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    case_id: str
    myth_id: str
    action: FeedbackAction
    person: str
    via: str
    note: str
    decided_ms: int
    post_ids: _containers.RepeatedScalarFieldContainer[str]
    muted_until_ms: int
    assignee: str
    answer_url: str
    other_case_id: str
    def __init__(self, id: _Optional[str] = ..., case_id: _Optional[str] = ..., myth_id: _Optional[str] = ..., action: _Optional[_Union[FeedbackAction, str]] = ..., person: _Optional[str] = ..., via: _Optional[str] = ..., note: _Optional[str] = ..., decided_ms: _Optional[int] = ..., post_ids: _Optional[_Iterable[str]] = ..., muted_until_ms: _Optional[int] = ..., assignee: _Optional[str] = ..., answer_url: _Optional[str] = ..., other_case_id: _Optional[str] = ...) -> None: ...

class Source(_message.Message):
    __slots__ = ("organisation", "title", "url")
    ORGANISATION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    organisation: str
    title: str
    url: str
    def __init__(self, organisation: _Optional[str] = ..., title: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class Myth(_message.Message):
    __slots__ = ("id", "topic", "claim", "said_as", "near_misses", "fact", "why_misleading", "harm", "harm_reason", "specialty", "sources", "reviewed", "responses")
    class ClaimEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class FactEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    SAID_AS_FIELD_NUMBER: _ClassVar[int]
    NEAR_MISSES_FIELD_NUMBER: _ClassVar[int]
    FACT_FIELD_NUMBER: _ClassVar[int]
    WHY_MISLEADING_FIELD_NUMBER: _ClassVar[int]
    HARM_FIELD_NUMBER: _ClassVar[int]
    HARM_REASON_FIELD_NUMBER: _ClassVar[int]
    SPECIALTY_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    id: str
    topic: str
    claim: _containers.ScalarMap[str, str]
    said_as: _containers.RepeatedScalarFieldContainer[str]
    near_misses: _containers.RepeatedScalarFieldContainer[str]
    fact: _containers.ScalarMap[str, str]
    why_misleading: str
    harm: Harm
    harm_reason: str
    specialty: str
    sources: _containers.RepeatedCompositeFieldContainer[Source]
    reviewed: str
    responses: _containers.RepeatedCompositeFieldContainer[Response]
    def __init__(self, id: _Optional[str] = ..., topic: _Optional[str] = ..., claim: _Optional[_Mapping[str, str]] = ..., said_as: _Optional[_Iterable[str]] = ..., near_misses: _Optional[_Iterable[str]] = ..., fact: _Optional[_Mapping[str, str]] = ..., why_misleading: _Optional[str] = ..., harm: _Optional[_Union[Harm, str]] = ..., harm_reason: _Optional[str] = ..., specialty: _Optional[str] = ..., sources: _Optional[_Iterable[_Union[Source, _Mapping]]] = ..., reviewed: _Optional[str] = ..., responses: _Optional[_Iterable[_Union[Response, _Mapping]]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("id", "language", "length", "text", "version", "author", "approver", "approved_ms", "expires_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    APPROVED_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    id: str
    language: str
    length: str
    text: str
    version: int
    author: str
    approver: str
    approved_ms: int
    expires_ms: int
    def __init__(self, id: _Optional[str] = ..., language: _Optional[str] = ..., length: _Optional[str] = ..., text: _Optional[str] = ..., version: _Optional[int] = ..., author: _Optional[str] = ..., approver: _Optional[str] = ..., approved_ms: _Optional[int] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("id", "original", "original_key", "topic", "partition", "offset", "reason", "service", "trace", "failed_ms", "headers", "truncated")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_KEY_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    FAILED_MS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    id: str
    original: bytes
    original_key: bytes
    topic: str
    partition: int
    offset: int
    reason: str
    service: str
    trace: str
    failed_ms: int
    headers: _containers.ScalarMap[str, bytes]
    truncated: bool
    def __init__(self, id: _Optional[str] = ..., original: _Optional[bytes] = ..., original_key: _Optional[bytes] = ..., topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., reason: _Optional[str] = ..., service: _Optional[str] = ..., trace: _Optional[str] = ..., failed_ms: _Optional[int] = ..., headers: _Optional[_Mapping[str, bytes]] = ..., truncated: _Optional[bool] = ...) -> None: ...
