cimport cython

from licorne.engine cimport _bytes
from licorne.engine.http2.control cimport Controls
from licorne.engine.http2.frames cimport FrameReader, parse_word, unpadded
from licorne.engine.http2.guard cimport Guard
from licorne.engine.http2.heads cimport HeadReader
from licorne.engine.http2.hpack.decoder cimport Decoder
from licorne.engine.http2.intake cimport Intake
from licorne.engine.http2.stream cimport Http2Stream
from licorne.engine.http2.streams cimport StreamTable
from licorne.engine.http2.windows cimport ReceiveWindow
from licorne.engine.received cimport RequestHead

cdef int _ACK
cdef int _CONTINUATION
cdef int _DATA
cdef int _END_HEADERS
cdef int _END_STREAM
cdef int _HAS_PRIORITY
cdef int _HEADERS
cdef int _PADDED
cdef int _RST_STREAM
cdef int _SETTINGS
cdef int _WINDOW_UPDATE
cdef int _PREFACE
cdef int _FIRST
cdef int _OPEN
cdef Py_ssize_t _MAX_EXCESS
cdef Py_ssize_t _PRIORITY_BYTES
cdef Py_ssize_t _MAX_WORK
cdef Py_ssize_t _HEAD_WORK
cdef Py_ssize_t _HEAD_BYTES_PER_WORK
cdef Py_ssize_t _REFUSAL_WORK


@cython.final
cdef class Incoming:
    cdef bytearray block
    cdef Py_ssize_t continuations
    cdef public Controls controls
    cdef int flags
    cdef Guard guard
    cdef HeadReader heads
    cdef Intake intake
    cdef public bint is_resting
    cdef list later
    cdef object limits
    cdef int phase
    cdef Py_ssize_t preface
    cdef FrameReader reader
    cdef int stream_id

    cpdef receive(self, bytes data, double now)
    @cython.locals(later=list)
    cpdef go_on(self, double now)
    cpdef stop(self)
    cpdef bint is_owed_more(self) except -1
    @cython.locals(count=Py_ssize_t)
    cdef bytes _match_preface(self, bytes data)
    @cython.locals(reader=FrameReader, guard=Guard, count=Py_ssize_t)
    cdef _walk(self, double now)
    @cython.locals(kind=int)
    cdef _receive_frame(self, FrameReader reader, double now)
    @cython.locals(stream_id=int, flags=int, payload=bytes)
    cdef _on_headers(self, FrameReader reader, double now)
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef bytes _stripped(self, bytes payload, int flags, int stream_id)
    @cython.locals(stream_id=int)
    cdef _on_continuation(self, FrameReader reader, double now)
    @cython.locals(intake=Intake, ends=bint, decoder=Decoder, decoded=list, fields=list, table=StreamTable, stream=Http2Stream)
    cdef _take_block(self, int stream_id, bytes block, int flags, double now)
    @cython.locals(is_head=bint, head=RequestHead, stream=Http2Stream)
    cdef _open(self, int stream_id, bytes block, bint ends, double now)
    @cython.locals(stream_id=int, size="long long", intake=Intake, payload=bytes, stream=Http2Stream, window=ReceiveWindow, ends=bint)
    cdef _on_data(self, FrameReader reader, double now)
    @cython.locals(stream_id=int, stream=Http2Stream)
    cdef _on_reset(self, FrameReader reader, double now)
    @cython.locals(table=StreamTable)
    cdef _ignore_late(self, int stream_id, double now)
    @cython.locals(stream=Http2Stream)
    cdef _fail_stream(self, object error, double now)
