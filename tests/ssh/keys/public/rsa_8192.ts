/** What openssl signed with an RSA key of 8192 bits (SHA-512, "signed"): making one takes too long for a test. */
export const rsa8192 = {
  /** The modulus; the exponent is 65537. */
  n: Uint8Array.fromBase64(
    "uD46/CAmtbqzjXFhRF0fsq4L7mbtrEGpelB0H8wMdvy/z6z3YjPR2P7In7+AUtNKju4+uL6z" +
      "862PxG1rJFXC6HvvL87BlziwajolwZfj9iYSe9T0/FZ7+HZmmHsthMCFjWENgvCigOKHDTj/" +
      "qD8VYQ1MKQeIMoGl/dXUpszqM4dHYZfJT1F5PgYhkPs3pbKGAxWLv666CQKTrrcDIPxKH3Zq" +
      "VWLbixq3jDmBw2o9oVwInp2t8wamXdSjl+23r6mgXNEP94Tp7UwniEK2r9UI+QShHlTC2DKd" +
      "30dDhHPL5WO44dHZwEOuyjr7DahUratxZA2sfL6fleeYYoAhl+mcxuNwc1vP3h40BKTUpKrk" +
      "2I71l1Jkzf1btxkblM+hNLr8kDp+RiUlzqysWcNKh1BM6y/wzlCPzgkGnGvdyrhVKFL/lvTv" +
      "/MVTX0JkTbZYzmr69gekb4SgpAnTiSNK8uIo5VnMUsFtndLB6Mvr03IMnU26iLFHDBpTT1Yx" +
      "C7Sr2+dzfmNG/RmIt+dZMskki/HXN3OYS9jRJZynOWRQoHxUO11gsngyWu79QfAiO3DY2Gbh" +
      "kgSP63JID8KTUiUOfEbBunF0xOKZTRRhsd5sMU6ytBvvvQQied2GUh3bZpQSzyHbcRDRApFG" +
      "pf1fErF27nWVOD6Uqu2TFVKJ4wOFzvVcsza0CWE8hlEBe0zvMOG7quYkEjgI+08BkdnzHlw7" +
      "3l7KYjlhBLxS5BsEVw3u8GuPD4VOlezcPxvUoDI8HMw72tB3oP6gEGCWCO8RDDTbxx0Bf+g6" +
      "9SzETH33xc8+Sq2p4tm0A6y+bOjZuGKLerKbt+OyRXEveZuBhL9yeOHAZDtY2j5rQovWEG2y" +
      "91WVlyf7011O5w/i2irSGodDUEsnv1MsF9XVnkZiZmtDp0uM5hr3XV6jTlqwC/KtClhmWYpS" +
      "BGeZ/gl4O3Ggpq4Ubv1qBebaxmC8E/oSzEhkr6EW4rqMDETBfaE+7z09lL+U3Db/+jbsa8I7" +
      "dluj37LVBIS4aRF4YYyxU1xKSzJlXwxj9nQuOA8gmo9NzlnJyAjYq0d9/bPRdV0eLFqSj4bk" +
      "qiREc5BX6yhB/r0zzADW8EYxjfsI3TfRhChN8S6Vmi5z0y9DswTeLUXL3GZbs+5Iu58n3DSl" +
      "HxQjQKVVGvqnhsAh5y8eYsoPgUuO1teCxq8plHzXYS5Q7orVoV/xQTZe0MiaFDU2fN3pezmg" +
      "uPBlLj5pvmzXyqhMO5TvQzat3GgQgfmpOXbykbHzCT0O0UDlyLxWe9oN32V/bdBTdt8hxIAg" +
      "qcunFx+y8SaSGo/WWYO5+wT4D3ZTf4EiHcBLTMZT7nYb/t6Utu7LjkGzzLuaaNeEC4sXlQ==",
  ),
  /** The signature, without its algorithm. */
  signature: Uint8Array.fromBase64(
    "rPH/OsrUoCVbQbqDji4kIbwKmZ5njXKEkbtJRpYUiOl44vOe1wLN939PHYbYfJ5g8EmS0V0x" +
      "2OPSNJKOj8adZmmApxRyZ1NR3wqrnCOg0Yiw8LzK+YKCYKr76ajt45In+nIBU28EguYZTyy5" +
      "uuEv57c8jSYxr6of0vvfGDGTxWaWOTRyj73XNT41qkRZuIhZM0K+NfvMkrOPuJ/dJzTtPP3u" +
      "UtZc/gpxAmuJFgmVM87dQU3bRD7mppMqy9bV/hEcTIcQy5zD3/OixEhDuFZF5LyrT64OUC1A" +
      "qez12WgjvRTgKUX57+BG3oKDP4dSSkzxJ9DlksR8QgQeCQcH/ja+O0mxqLA938mID3Rvgf1L" +
      "w2pwv9PjjDnV2W7+mx5sV6w2p7tABZJDLLa70eDIqdf1ULITCRvDYGHLGRVTup7dm+SwRcrf" +
      "LP1PyQR3Ga49OSnBlUMqvpBqNUgBez+a6fN2tq8Hyiv4e+n7J4/k06BfGzA+ehdTdKs4NqPb" +
      "Du5AKRLYEOwXtQUAdnmsM9zVa8vO3Qmj0wN6cwOVIzaPpw2gNJnu04BpWkDDVcSz8Zx0eKlB" +
      "rLHsOFo919iMmXqWgU+4vCiCZIi8qmNbB+48+uLvgAOQIhhZTw5MZ/8CtXhKw3SWvnKff5iA" +
      "e49N0+Y5NAXXEmRcbnikGpvjjLpruRoWrWdKsmZvsaNooXYT9w0/GtfpoJD6pwXDrpL+8dnc" +
      "tAQvjPkJz0JnfLe666sSZkt3sPl2N7UDriU6QD2azytmv8cyUqsADn7jHxYHnfwUf68FuXJC" +
      "G0iJG8EgH2Nw7if+QTKfuBYPW8h4c7dA/p621t2j/B70g/Bj/U7Eff4XNli2rKO3Pj6Rfy8T" +
      "xj8dqhClw3GwxK1oJgZic6w4SbERtsZmukWdbkvpG7scD8rKXBsp4CArJTnWEXBOHvt3yS0T" +
      "ODucR7M0o/F4FITS68FSILAjeYudX/pwwZPSYJEjt9SBX+FxhaRtVheQWxxLRzcUiXwagIRV" +
      "jAfcXDWG0shZaGjoA3jfr0iQftqiKpj/a5d0SXq1QBP/kegGWMV7byoMsoJ0RpNZkmMdbRih" +
      "/KoRY4eSy5s/oXHmXhc9NCmG2kAz5RbpmLtDmRubxxAIhsKIzPLIgfBs56ER8C1BAsktwx/w" +
      "beQfwvbtvn8Blf2NSwvJ+Ln57INbbwdf6+4v8FPGalv4n00f6Qv4rcoZSIZSWmAMxqWnKpLG" +
      "ErFjkXFLEFJnj9TrhoKPTef1RwcH9O+2h5fnTaOPH9A3Wd3k55FmCZmvCx74OVAKBlz9KoJT" +
      "VfJl6yiMagWTj2fVCR7lNBcJ2Nil/C2HVqYJ0uNx8+1/jAOwz1/guonqjJYD7Dv2eQE0FA==",
  ),
};
