#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len);

/* Puts a frame back together; its bytes must be those that went in. */
static size_t check_frame(const struct frame *f, const uint8_t *in, size_t left)
{
    uint8_t header[FRAME_HEADER_LEN];

    frame_header_put(header, (uint32_t)f->body.len, f->type, f->id);
    assert(left >= FRAME_HEADER_LEN + f->body.len);
    assert(memcmp(in, header, FRAME_HEADER_LEN) == 0);
    assert(f->body.len == 0 || memcmp(in + FRAME_HEADER_LEN, f->body.p, f->body.len) == 0);
    return FRAME_HEADER_LEN + f->body.len;
}

/* The frames that come out are the bytes that went in, however the stream was cut. */
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t in_len)
{
    size_t fed = 0, taken = 0, step;
    enum hufu_err err = HUFU_NOT_FOUND;
    struct frame f;
    struct link l;
    int fd[2];

    if (in_len == 0 || in_len > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        return 0;
    step = 1U + in[0]; /* the first byte says how the rest is cut */
    in++, in_len--;
    link_init(&l, fd[0], 1024);
    while (fed < in_len && err != HUFU_CORRUPT) {
        size_t n = step < in_len - fed ? step : in_len - fed;

        assert(write(fd[1], in + fed, n) == (ssize_t)n);
        fed += n;
        assert(link_fill(&l) == HUFU_OK);
        while ((err = link_next(&l, &f)) == HUFU_OK)
            taken += check_frame(&f, in + taken, fed - taken);
    }
    close(fd[1]);
    if (err != HUFU_CORRUPT)
        assert(link_fill(&l) == HUFU_CLOSED && link_next(&l, &f) == HUFU_NOT_FOUND);
    link_done(&l);
    return 0;
}
