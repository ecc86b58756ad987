"""The names that SIMBAD gave to one and the same type of object over the years, where one type became one other.

An alert keeps the name of its time. SIMBAD renamed its types in 2022; types of candidates were renamed twice, first
from `Candidate_X` to `X_Candidate`, then with the new X. Sources: SIMBAD's table of old and new labels
(simbad.cds.unistra.fr/guide/otypes.labels.txt), its page «Object types», and its table `otypedef`. Names stand in one
line here if that table has them in one row, or if SIMBAD gives them the same short code (`EB?`), which it did not
change; with them other spellings of the same name that alerts bear (`Candiate_sr*`, `Candidate_LensSyste`, `galaxy`).

Types that were split, merged or dropped are not here: see docs/classes.md.
"""

from __future__ import annotations

__all__ = ["RENAMED", "names_of"]

_TABLE = """
Radio(m) metricRad
Radio(cm) cmRad
Radio(mm) mmRad
Radio(sub-mm) smmRad
IR Infrared
IR>30um FIR FarIR
MIR MidIR
IR<10um NIR NearIR
Blue blue
ULX? ULX_Candidate
multiple_object Blend

Possible_lensImage lensImage_Candidate LensedImage_Candidate
Candidate_Lens Lens_Candidate GravLens_Candidate
Candidate_LensSystem Candidate_LensSyste LensSystem_Candidate GravLensSystem_Candidate
Candidate_BH BH_Candidate BlackHole_Candidate

galaxy Galaxy
Possible_G G_Candidate Galaxy_Candidate
LSB_G LowSurfBrghtG
BlueCompG BlueCompactG
HII_G HIIG
EmG EmissionG
Seyfert_1 Seyfert1
Seyfert_2 Seyfert2
GinGroup GtowardsGroup
GinCl GtowardsCl
BClG BrightestCG
IG InteractingG
Possible_GrG GrG_Candidate GroupG_Candidate
Possible_ClG ClG_Candidate
Possible_SClG SClG_Candidate SuperClG_Candidate

Cl* Cluster*
GlCl GlobCluster
GlCl? GlCl_Candidate GlobCluster_Candidate
OpCl OpenCluster
Assoc* Association
Possible_As* As*_Candidate Association_Candidate
Stream* Stream

DkNeb DarkNeb
RfNeb RefNeb
SFregion StarFormingReg
HII HIIReg
PN PlanetaryNeb
PN? PN_Candidate PlanetaryNeb_Candidate
SNR SNRemnant
SNR? SNR_Candidate SNRemnant_Candidate
HH HerbigHaroObj
outflow? outflow_Candidate Outflow_Candidate

SN Supernova
Candidate_SN* SN*_Candidate Supernova_Candidate
Planet? Planet_Candidate

Candidate_** **_Candidate
EB* EclBin
Candidate_EB* EB*_Candidate EclBin_Candidate
Candidate_Symb* Symb*_Candidate Symbiotic*_Candidate
Candidate_CV* CV*_Candidate CataclyV*_Candidate
Candidate_Nova Nova_Candidate
XB XrayBin
Candidate_XB* XB*_Candidate XrayBin_Candidate
LMXB LowMassXBin
Candidate_LMXB LMXB_Candidate LowMassXBin_Candidate
HMXB HighMassXBin
Candidate_HMXB HMXB_Candidate HighMassXBin_Candidate

V* Variable*
V*? V*_Candidate Variable*_Candidate
Irregular_V* IrregularV*
Orion_V* OrionV*
Erupt*RCrB RCrBV*
RCrB_Candidate RCrBV*_Candidate
RotV*alf2CVn alf2CVnV*
BYDra BYDraV*
RSCVn RSCVnV*
RRLyr RRLyrae
Candidate_RRLyr RRLyr_Candidate RRLyrae_Candidate
Candidate_Cepheid Cepheid_Candidate
deltaCep ClassicalCep
PulsV*WVir Type2Cep
Candidate_PulsV*WVir PulsV*WVir_Candidate Type2Cep_Candidate
PulsV*delSct delSctV*
PulsV*RVTau RVTauV*
PulsV*bCep bCepV*
gammaDor gammaDorV*
pulsV*SX SXPheV*
LPV* LongPeriodV*
Candidate_LP* LP*_Candidate LongPeriodV*_Candidate
Candiate_sr* Candidate_sr*
Candidate_Mi* Mi*_Candidate Mira_Candidate

Pec* ChemPec*
Candidate_Pec* Pec*_Candidate ChemPec*_Candidate
HB* HorBranch*
Candidate_HB* HB*_Candidate HorBranch*_Candidate
Candidate_YSO YSO_Candidate
Candidate_pMS* pMS*_Candidate
TTau* TTauri*
Candidate_TTau* TTau*_Candidate TTauri*_Candidate
Candidate_Ae* Ae*_Candidate
Candidate_Be* Be*_Candidate
Em* EmLine*
Candidate_BSS BSS_Candidate BlueStraggler_Candidate
Candidate_RGB* RGB*_Candidate
Candidate_AGB* AGB*_Candidate
Candidate_post-AGB* post-AGB*_Candidate
Candidate_C* C*_Candidate
Candidate_S* S*_Candidate
OH/IR OH/IR*
Candidate_OH OH_Candidate OH/IR*_Candidate
SG* Supergiant
Candidate_SG* SG*_Candidate Supergiant_Candidate
RedSG* RedSG
Candidate_RSG* RSG*_Candidate RedSG_Candidate
YellowSG* YellowSG
Candidate_YSG* YSG*_Candidate YellowSG_Candidate
BlueSG* BlueSG
Candidate_BSG* BSG*_Candidate BlueSG_Candidate
WR* WolfRayet*
Candidate_WR* WR*_Candidate WolfRayet*_Candidate
Candidate_Hsd Hsd_Candidate HotSubdwarf_Candidate
WD* WhiteDwarf
Candidate_WD* WD*_Candidate WhiteDwarf_Candidate
Candidate_NS NS_Candidate Neutron*_Candidate
low-mass* Low-Mass*
Candidate_low-mass* low-mass*_Candidate Low-Mass*_Candidate
brownD* BrownD*
Candidate_brownD* brownD*_Candidate BrownD*_Candidate
PM* HighPM*
HV* HighVel*
"""

RENAMED: tuple[tuple[str, ...], ...] = tuple(tuple(line.split()) for line in _TABLE.splitlines() if line)
"""Types that have more than one name: their names, the oldest first."""

_TYPE_OF = {name: names for names in RENAMED for name in names}


def names_of(name: str) -> tuple[str, ...]:
    """Return all names of the type that SIMBAD calls, or called, by a name: that name first, then the older ones.

    A name that SIMBAD never changed, or that is none of SIMBAD's, stands alone.
    """
    return (name, *(other for other in _TYPE_OF.get(name, ()) if other != name))
