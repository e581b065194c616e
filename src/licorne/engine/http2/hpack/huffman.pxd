cimport cython

cdef bytes _CODES
cdef bytes _LENGTHS
cdef bytes _STEPS
cdef int _EMITS
cdef int _MAY_END
cdef int _FAILS

@cython.locals(bits=Py_ssize_t, lengths="const unsigned char *", source="const unsigned char *", at=Py_ssize_t)
cpdef Py_ssize_t huffman_size(bytes text) except -1
@cython.locals(lengths="const unsigned char *", codes="const unsigned char *", source="const unsigned char *", bits=int, word="unsigned long long", at=Py_ssize_t, byte=int, row=int, code="unsigned int")
cpdef put_huffman(bytearray out, bytes text)
@cython.locals(text=bytearray, target="unsigned char *", size=Py_ssize_t, source="const unsigned char *", steps="const unsigned char *", state=int, seen=int, flags=int, at=Py_ssize_t, byte=int, row=int)
cpdef bytes parse_huffman(bytes data, Py_ssize_t start, Py_ssize_t end)
