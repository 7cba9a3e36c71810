"""What a JPEG XL file begins with: a bare codestream, or boxes (ISO/IEC 18181-2)."""

CODESTREAM = b"\xff\x0a"
BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
