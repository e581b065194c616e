cimport cython

from licorne.engine cimport _bytes

cdef bytes _HEX_VALUES
cdef Py_ssize_t _MAX_SIZE_DIGITS
cdef int _SEMICOLON
cdef int _QUOTE
cdef int _BACKSLASH
cdef int _EQUALS

cpdef long long parse_chunk_line(bytes line) except -1
cpdef Py_ssize_t digits_end(bytes line)
cdef _check_extensions(bytes line, Py_ssize_t at)
cdef Py_ssize_t _skip_blank(bytes line, Py_ssize_t at) noexcept
cdef Py_ssize_t _token_end(bytes line, Py_ssize_t start) except -1
cdef Py_ssize_t _value_end(bytes line, Py_ssize_t start) except -1
