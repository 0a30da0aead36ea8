using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>Judges the certificate that another host presents.</summary>
internal static class PeerCertificates
{
    /// <summary>id-kp-serverAuth, RFC 5280, 4.2.1.12.</summary>
    public const string ServerPurpose = "1.3.6.1.5.5.7.3.1";

    /// <summary>id-kp-clientAuth.</summary>
    public const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    public const string NotShown = "the other host presented no certificate";

    /// <summary>Trusts the given authorities alone. Nothing is fetched: a stranger's certificate makes this host call nobody.</summary>
    public static X509ChainPolicy Policy(X509Certificate2Collection authorities, string purpose)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.ApplicationPolicy.Add(new Oid(purpose));
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    /// <summary>
    /// Null when TLS found that the certificate chains to an authority of the policy, is valid now and for the policy's purpose,
    /// and when it names <paramref name="host"/> if there is one; otherwise the reason for the refusal. Common names do not
    /// count as host names.
    /// </summary>
    public static string? Judge(X509Certificate? presented, X509Chain? chain, SslPolicyErrors found, string? host)
    {
        if (presented is not X509Certificate2 certificate || chain is null || (found & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
            return NotShown;
        string name = Name(certificate);
        if (Validity(certificate) is { } outOfDate)
            return $"the certificate of \"{name}\" {outOfDate}";
        if ((found & SslPolicyErrors.RemoteCertificateChainErrors) != 0)
            return $"the certificate of \"{name}\" {Describe(chain)}";
        return host is null || Names(certificate, host)
            ? null
            : $"the certificate of \"{name}\" is not valid for {Sentences.Foreign(host)}";
    }

    /// <summary>Null when the certificate is valid now, otherwise what is wrong: <c>expired on 2026-01-31</c>.</summary>
    public static string? Validity(X509Certificate2 certificate)
    {
        DateTime now = DateTime.Now;
        if (now > certificate.NotAfter)
            return "expired on " + Date(certificate.NotAfter);
        return now < certificate.NotBefore ? "is not valid before " + Date(certificate.NotBefore) : null;
    }

    /// <summary>The common name of the subject, or what comes nearest to it.</summary>
    public static string Name(X509Certificate2 certificate) =>
        Sentences.Foreign(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));

    private static string Date(DateTime local) => local.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    private static string Describe(X509Chain chain)
    {
        X509ChainStatusFlags all = X509ChainStatusFlags.NoError;
        foreach (X509ChainStatus status in chain.ChainStatus)
            all |= status.Status;
        if ((all & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != 0)
            return "is not signed by an authority that this host trusts";
        if ((all & X509ChainStatusFlags.NotSignatureValid) != 0)
            return "has a signature that is not its authority's";
        if ((all & X509ChainStatusFlags.NotValidForUsage) != 0)
            return "is not meant for this end of a connection (extended key usage)";
        if ((all & X509ChainStatusFlags.NotTimeValid) != 0)
            return "comes from an authority whose certificate has expired";
        return $"is not acceptable ({all})";
    }

    private static bool Names(X509Certificate2 certificate, string host)
    {
        // A zone (fe80::1%eth0) says which way to go and is part of no certificate.
        if (IPAddress.TryParse(host, out IPAddress? address))
            host = new IPAddress(address.GetAddressBytes()).ToString();
        try
        {
            return certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return false; // No name that a certificate could have, or a certificate whose names cannot be read.
        }
    }
}
