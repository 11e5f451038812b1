from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(_message.Message):
    __slots__ = ("name", "flag", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    flag: bool
    text: str
    def __init__(self, name: _Optional[str] = ..., flag: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class Form(_message.Message):
    __slots__ = ("flags", "numbers", "integers", "states")
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    flags: _containers.RepeatedScalarFieldContainer[str]
    numbers: _containers.RepeatedScalarFieldContainer[str]
    integers: _containers.RepeatedScalarFieldContainer[str]
    states: _containers.RepeatedCompositeFieldContainer[State]
    def __init__(self, flags: _Optional[_Iterable[str]] = ..., numbers: _Optional[_Iterable[str]] = ..., integers: _Optional[_Iterable[str]] = ..., states: _Optional[_Iterable[_Union[State, _Mapping]]] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("observed_at_us", "channel", "form", "numbers", "integers")
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    observed_at_us: int
    channel: int
    form: Form
    numbers: _containers.RepeatedScalarFieldContainer[float]
    integers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, observed_at_us: _Optional[int] = ..., channel: _Optional[int] = ..., form: _Optional[_Union[Form, _Mapping]] = ..., numbers: _Optional[_Iterable[float]] = ..., integers: _Optional[_Iterable[int]] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ("first_at_us", "step_us", "channel", "count", "form", "numbers", "integers")
    FIRST_AT_US_FIELD_NUMBER: _ClassVar[int]
    STEP_US_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    INTEGERS_FIELD_NUMBER: _ClassVar[int]
    first_at_us: int
    step_us: int
    channel: int
    count: int
    form: Form
    numbers: _containers.RepeatedScalarFieldContainer[float]
    integers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, first_at_us: _Optional[int] = ..., step_us: _Optional[int] = ..., channel: _Optional[int] = ..., count: _Optional[int] = ..., form: _Optional[_Union[Form, _Mapping]] = ..., numbers: _Optional[_Iterable[float]] = ..., integers: _Optional[_Iterable[int]] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("event_id", "dev_eui", "observed_at_us", "ingested_at_us", "raw_offset", "decoder", "decoder_version", "f_cnt", "f_port", "samples", "series")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    DEV_EUI_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    INGESTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    RAW_OFFSET_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    DECODER_VERSION_FIELD_NUMBER: _ClassVar[int]
    F_CNT_FIELD_NUMBER: _ClassVar[int]
    F_PORT_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    event_id: bytes
    dev_eui: str
    observed_at_us: int
    ingested_at_us: int
    raw_offset: int
    decoder: str
    decoder_version: str
    f_cnt: int
    f_port: int
    samples: _containers.RepeatedCompositeFieldContainer[Sample]
    series: _containers.RepeatedCompositeFieldContainer[Series]
    def __init__(self, event_id: _Optional[bytes] = ..., dev_eui: _Optional[str] = ..., observed_at_us: _Optional[int] = ..., ingested_at_us: _Optional[int] = ..., raw_offset: _Optional[int] = ..., decoder: _Optional[str] = ..., decoder_version: _Optional[str] = ..., f_cnt: _Optional[int] = ..., f_port: _Optional[int] = ..., samples: _Optional[_Iterable[_Union[Sample, _Mapping]]] = ..., series: _Optional[_Iterable[_Union[Series, _Mapping]]] = ...) -> None: ...
