"""A program whose shares of CPU time are known, for the profile and for the page's flame graph."""

from typing import Final

# `heavy` and `light` cost the same for each n: three quarters are heavy's, one quarter is light's.
SHARES: Final = """\
fn heavy(n: Int) -> Int {
    var x = 1;
    for i in 0..n {
        x = (x * 31 + i) % 1000003;
    }
    x
}
fn light(n: Int) -> Int {
    var x = 1;
    for i in 0..n {
        x = (x * 31 + i) % 1000003;
    }
    x
}
actor Worker {
    let sum: Int;
    receive fn go(n: Int) {
        sum += heavy(3 * n);
        sum += light(n);
        this.go(n);
    }
}
fn main() {
    for _ in 0..2 { let worker = spawn Worker; worker.go(100000); }
    println("ready");
    loop { sleep_ms(1000); }
}
"""
