_Thread_local char *trainlint_lowest __attribute__((tls_model("initial-exec"))) = NULL;

int trainlint_look_at_stack(char *here) {
    if (trainlint_lowest == NULL) {
        pthread_attr_t attributes;
        void *end = NULL;
        size_t size = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
            pthread_attr_getstack(&attributes, &end, &size);
            pthread_attr_destroy(&attributes);
        }
        /* Unknown: as on the stack of a thread of the smallest usual size. */
        char *lowest = size ? (char *)end + TRAINLINT_RESERVE : here - TRAINLINT_RESERVE;
        char *most = size ? (char *)end + size - TRAINLINT_MOST : lowest;
        trainlint_lowest = most > lowest ? most : lowest;
    }
    if (here >= trainlint_lowest)
        return 0;
    PyErr_SetString(PyExc_RecursionError, "compiled code is too deep");
    return 1;
}
