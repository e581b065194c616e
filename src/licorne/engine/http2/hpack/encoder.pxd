cimport cython

from licorne.engine.http2.hpack.huffman cimport huffman_size, put_huffman
from licorne.engine.http2.hpack.table cimport DynamicTable

cdef Py_ssize_t _DEFAULT_TABLE_BYTES
cdef Py_ssize_t _ENTRY_BYTES
cdef dict _STATIC_FIELDS
cdef dict _STATIC_NAMES
cdef dict _STATUS_INDEXES
cdef int _INDEXED
cdef int _INDEXED_PREFIX
cdef int _WITH_INDEXING
cdef int _WITH_INDEXING_PREFIX
cdef int _SIZE_UPDATE
cdef int _SIZE_UPDATE_PREFIX
cdef int _NEVER_INDEXED
cdef int _LITERAL_PREFIX
cdef int _HUFFMAN
cdef int _STRING_PREFIX
cdef int _SPACE
cdef int _IF_REPEATED
cdef int _NOT_AT_ALL
cdef int _NEVER
cdef dict _POLICIES
cdef Py_ssize_t _MAX_SEEN
cdef Py_ssize_t _MAX_KEPT
cdef Py_ssize_t _MAX_KEPT_BYTES
cdef Py_ssize_t _MAX_GONE
cdef Py_ssize_t _MAX_NAMES


@cython.final
cdef class KeptBlock:
    cdef bytes block
    cdef list fields
    cdef int status
    cdef long long version


@cython.final
cdef class KnownName:
    cdef Py_ssize_t index
    cdef long long number
    cdef int policy
    cdef bytes value


@cython.final
cdef class Encoder:
    cdef bint is_settled
    cdef list kept
    cdef long long least_size
    cdef long long max_table
    cdef dict names
    cdef dict numbers
    cdef Py_ssize_t oldest
    cdef bint owes_update
    cdef set seen
    cdef readonly DynamicTable table

    cpdef set_max_table(self, long long size)
    @cython.locals(version="long long", known=KeptBlock, out=bytearray, field=tuple, block=bytes)
    cpdef bytes encode(self, int status, list fields)
    cpdef bytes encode_fields(self, list fields)
    @cython.locals(known=KeptBlock)
    cdef _keep(self, int status, list fields, bytes block)
    cdef _put_update(self, bytearray out)
    cdef _put_status(self, bytearray out, int status)
    @cython.locals(name=bytes, value=bytes, known=KnownName, index=Py_ssize_t)
    cdef _put_field(self, bytearray out, tuple field)
    @cython.locals(name=bytes, value=bytes, index=Py_ssize_t, size=Py_ssize_t)
    cdef bint _put_indexed(self, bytearray out, tuple field, KnownName known) except -1
    cdef Py_ssize_t _index_of(self, tuple field, KnownName known) except -1
    @cython.locals(index=Py_ssize_t)
    cdef _put_name(self, bytearray out, bytes name, KnownName known, int kind, int prefix)
    cdef bint _is_repeated(self, tuple field) except -1
    @cython.locals(table=DynamicTable)
    cdef _insert(self, tuple field, KnownName known)
    @cython.locals(known=KnownName)
    cdef KnownName _learn(self, bytes name)


cpdef put_integer(bytearray out, Py_ssize_t number, int kind, int prefix)
@cython.locals(size=Py_ssize_t)
cpdef put_string(bytearray out, bytes text)
