#include "tools/cli_qr.h"

#include <qrencode.h>

#include "vault/base/secret.h"

static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1) != 0;
}

/* Two rows of modules in a line of text; light modules are drawn, as terminals are mostly dark. */
bool cli_qr_print(FILE *out, const char *text)
{
    static const char *const blocks[] = { "\u2588", "\u2584", "\u2580", " " };
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

    if (code == NULL)
        return false;
    for (int y = -2; y < code->width + 2; y += 2) {
        for (int x = -2; x < code->width + 2; x++)
            (void)fputs(blocks[(is_dark(code, x, y) ? 1 : 0) + (is_dark(code, x, y + 1) ? 2 : 0)],
                        out);
        (void)fputc('\n', out);
    }
    wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return true;
}
