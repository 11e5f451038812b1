from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPTED: _ClassVar[Verdict]
    VERDICT_NO_PAYLOAD: _ClassVar[Verdict]
    VERDICT_DUPLICATE: _ClassVar[Verdict]
    VERDICT_REJECTED: _ClassVar[Verdict]
    VERDICT_IGNORED: _ClassVar[Verdict]
    VERDICT_EVENT: _ClassVar[Verdict]
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPTED: Verdict
VERDICT_NO_PAYLOAD: Verdict
VERDICT_DUPLICATE: Verdict
VERDICT_REJECTED: Verdict
VERDICT_IGNORED: Verdict
VERDICT_EVENT: Verdict

class Gateway(_message.Message):
    __slots__ = ("gateway_id", "rssi_dbm", "snr_db")
    GATEWAY_ID_FIELD_NUMBER: _ClassVar[int]
    RSSI_DBM_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    gateway_id: str
    rssi_dbm: int
    snr_db: float
    def __init__(self, gateway_id: _Optional[str] = ..., rssi_dbm: _Optional[int] = ..., snr_db: _Optional[float] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("name", "profile", "application", "application_id", "tenant", "device_class", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_CLASS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    profile: str
    application: str
    application_id: str
    tenant: str
    device_class: str
    tags: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., profile: _Optional[str] = ..., application: _Optional[str] = ..., application_id: _Optional[str] = ..., tenant: _Optional[str] = ..., device_class: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("margin_db", "external_power", "battery_ratio")
    MARGIN_DB_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_POWER_FIELD_NUMBER: _ClassVar[int]
    BATTERY_RATIO_FIELD_NUMBER: _ClassVar[int]
    margin_db: int
    external_power: bool
    battery_ratio: float
    def __init__(self, margin_db: _Optional[int] = ..., external_power: _Optional[bool] = ..., battery_ratio: _Optional[float] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("level", "code", "description")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    level: str
    code: str
    description: str
    def __init__(self, level: _Optional[str] = ..., code: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class Downlink(_message.Message):
    __slots__ = ("queue_item_id", "acknowledged", "f_cnt_down", "gateway_id")
    QUEUE_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    F_CNT_DOWN_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_ID_FIELD_NUMBER: _ClassVar[int]
    queue_item_id: str
    acknowledged: bool
    f_cnt_down: int
    gateway_id: str
    def __init__(self, queue_item_id: _Optional[str] = ..., acknowledged: _Optional[bool] = ..., f_cnt_down: _Optional[int] = ..., gateway_id: _Optional[str] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("event_id", "frame_id", "dev_eui", "event", "verdict", "reason", "detail", "duplicate_of", "duplicate_of_us", "observed_at_us", "ingested_at_us", "raw_offset", "flags", "dev_addr", "f_cnt", "f_port", "confirmed", "data_rate", "payload_bytes", "frequency_hz", "spreading_factor", "gateways", "region", "decoder", "decoder_version", "family", "samples", "device", "status", "log", "downlink")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    DEV_EUI_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_US_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    INGESTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RAW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    DEV_ADDR_FIELD_NUMBER: _ClassVar[int]
    F_CNT_FIELD_NUMBER: _ClassVar[int]
    F_PORT_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_FIELD_NUMBER: _ClassVar[int]
    DATA_RATE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_HZ_FIELD_NUMBER: _ClassVar[int]
    SPREADING_FACTOR_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    DECODER_VERSION_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    DOWNLINK_FIELD_NUMBER: _ClassVar[int]
    event_id: bytes
    frame_id: bytes
    dev_eui: str
    event: str
    verdict: Verdict
    reason: str
    detail: str
    duplicate_of: bytes
    duplicate_of_us: int
    observed_at_us: int
    ingested_at_us: int
    raw_offset: int
    flags: _containers.RepeatedScalarFieldContainer[str]
    dev_addr: str
    f_cnt: int
    f_port: int
    confirmed: bool
    data_rate: int
    payload_bytes: int
    frequency_hz: int
    spreading_factor: int
    gateways: _containers.RepeatedCompositeFieldContainer[Gateway]
    region: str
    decoder: str
    decoder_version: str
    family: str
    samples: int
    device: Device
    status: Status
    log: LogLine
    downlink: Downlink
    def __init__(self, event_id: _Optional[bytes] = ..., frame_id: _Optional[bytes] = ..., dev_eui: _Optional[str] = ..., event: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., duplicate_of: _Optional[bytes] = ..., duplicate_of_us: _Optional[int] = ..., observed_at_us: _Optional[int] = ..., ingested_at_us: _Optional[int] = ..., raw_offset: _Optional[int] = ..., flags: _Optional[_Iterable[str]] = ..., dev_addr: _Optional[str] = ..., f_cnt: _Optional[int] = ..., f_port: _Optional[int] = ..., confirmed: _Optional[bool] = ..., data_rate: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., frequency_hz: _Optional[int] = ..., spreading_factor: _Optional[int] = ..., gateways: _Optional[_Iterable[_Union[Gateway, _Mapping]]] = ..., region: _Optional[str] = ..., decoder: _Optional[str] = ..., decoder_version: _Optional[str] = ..., family: _Optional[str] = ..., samples: _Optional[int] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., status: _Optional[_Union[Status, _Mapping]] = ..., log: _Optional[_Union[LogLine, _Mapping]] = ..., downlink: _Optional[_Union[Downlink, _Mapping]] = ...) -> None: ...
